#include "base/error.h"

#include <cstdio>
#include <cstdlib>

namespace rehome {

std::string_view Name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kAlreadyExists:
      return "already_exists";
    case ErrorCode::kFailedPrecondition:
      return "failed_precondition";
    case ErrorCode::kAborted:
      return "aborted";
    case ErrorCode::kResourceExhausted:
      return "resource_exhausted";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kDeadlineExceeded:
      return "deadline_exceeded";
    case ErrorCode::kOutcomeUnknown:
      return "outcome_unknown";
    case ErrorCode::kUnauthenticated:
      return "unauthenticated";
    case ErrorCode::kLeaseHeld:
      return "lease_held";
    case ErrorCode::kCheckFailed:
      return "check_failed";
    case ErrorCode::kTooManyQuarantined:
      return "too_many_quarantined";
    case ErrorCode::kDataLoss:
      return "data_loss";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

Error Error::In(std::string_view context) && {
  message = std::string(context) + ": " + message;
  return std::move(*this);
}

bool IsRetryable(ErrorCode code) {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kDeadlineExceeded ||
         code == ErrorCode::kOutcomeUnknown || code == ErrorCode::kResourceExhausted;
}

namespace internal {

void CheckFailed(const char* expression, std::source_location where) {
  static_cast<void>(std::fprintf(stderr,
                                 "rehome: a bug: CHECK(%s) failed in %s (%s:%u). The journal is "
                                 "intact; please report this line.\n",
                                 expression, where.function_name(), where.file_name(),
                                 static_cast<unsigned>(where.line())));
  std::abort();
}

}  // namespace internal
}  // namespace rehome
