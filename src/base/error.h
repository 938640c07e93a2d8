#pragma once
// error.h — operating errors as values. Programmer errors abort through CHECK; findings are data
// (model/discrepancy.h). A code exists only if some caller reacts to it:
//   kUnavailable, kDeadlineExceeded   the same call may be repeated (decorators/retrying)
//   kResourceExhausted                repeat later, slower; from a disk: stop, resumable
//   kOutcomeUnknown                   the effect may have happened; only idempotent calls repeat it
//   kAborted                          lost a race: the enclosing batch is repeated
//   kFailedPrecondition               nobody repeats until a person changed the state
#include <cstdint>
#include <expected>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

namespace rehome {

enum class ErrorCode : std::uint8_t {
  kCancelled,           // a stop was asked for (signal, first error elsewhere)
  kInvalidArgument,     // wrong usage, plan or file: exit 2
  kNotFound,            // the named datum does not exist
  kAlreadyExists,       // an equal key exists
  kFailedPrecondition,  // a precondition or gate refused: exit 3
  kAborted,             // a compare-and-set lost
  kResourceExhausted,   // rate, quota, disk
  kUnavailable,         // cannot be reached: exit 4
  kDeadlineExceeded,    // no answer in time
  kOutcomeUnknown,      // the request was sent, the reply was lost
  kUnauthenticated,     // credentials refused: exit 4
  kLeaseHeld,           // another runner holds the lease: exit 7
  kCheckFailed,         // the work was done, but a proof failed: exit 1
  kTooManyQuarantined,  // more in quarantine than the plan allows: exit 6
  kDataLoss,            // stored bytes are not what was written, or an answer is of no use
  kInternal,            // a bug: exit 70
};

/// The code's name as it is printed in logs and JSON ("unavailable").
[[nodiscard]] std::string_view Name(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // what failed, on which datum, why
  std::string hint;     // what the operator can do next; may be empty
  std::source_location where = std::source_location::current();
  std::int64_t retry_after_ms = 0;  // how long the service asked to wait; 0: it did not say

  /// Puts `context: ` before the message; each layer adds its own once.
  [[nodiscard]] Error In(std::string_view context) &&;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

/// Builds the error value that `return` takes in a function returning Result.
[[nodiscard]] inline std::unexpected<Error> Fail(
    ErrorCode code, std::string message, std::string hint = {},
    std::source_location where = std::source_location::current()) {
  return std::unexpected(Error{code, std::move(message), std::move(hint), where});
}

/// True for the errors after which the same call may be made again.
[[nodiscard]] bool IsRetryable(ErrorCode code);

namespace internal {
[[noreturn]] void CheckFailed(const char* expression, std::source_location where);
}  // namespace internal

}  // namespace rehome

#define REHOME_CONCAT_INNER(a, b) a##b
#define REHOME_CONCAT(a, b) REHOME_CONCAT_INNER(a, b)

/// Returns the error of `expr` (a Status or Result whose value is not needed) from the calling
/// function.
#define REHOME_TRY(expr)                                        \
  do {                                                          \
    if (auto rehome_status = (expr); !rehome_status) {          \
      return std::unexpected(std::move(rehome_status).error()); \
    }                                                           \
  } while (false)

/// `REHOME_TRY_ASSIGN(auto x, F())`: x = the value, or returns the error from the calling function.
#define REHOME_TRY_ASSIGN(lhs, expr) \
  REHOME_TRY_ASSIGN_INNER(REHOME_CONCAT(rehome_result_, __LINE__), lhs, expr)
// NOLINTBEGIN(bugprone-macro-parentheses): `lhs` may be a declaration
#define REHOME_TRY_ASSIGN_INNER(result, lhs, expr)     \
  auto result = (expr);                                \
  if (!result) {                                       \
    return std::unexpected(std::move(result).error()); \
  }                                                    \
  lhs = *std::move(result)
// NOLINTEND(bugprone-macro-parentheses)

/// Programmer errors only, never input: on in every build, aborts.
#define CHECK(cond)                                                            \
  do {                                                                         \
    if (!(cond)) {                                                             \
      ::rehome::internal::CheckFailed(#cond, std::source_location::current()); \
    }                                                                          \
  } while (false)
