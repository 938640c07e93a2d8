#pragma once
// refusal.h — why a request gets no answer, as the API tells it: an Error, and what the API says
// beyond an Error's code.
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "pinecone_local/http_message.h"

namespace rehome::pinecone_local {

/// Statuses that no ErrorCode stands for.
enum class RefusalKind : std::uint8_t {
  kByCode,         // the error's code says it
  kUnprocessable,  // the JSON is not of the type that is read: 422, in the data plane 400
  kRateLimited,    // 429
  kQuota,          // 403: the plan allows no more
  kUnimplemented,  // 501
};

struct Refusal {
  // An Error is a refusal: what the storage says is passed on.
  Refusal(Error what) : error(std::move(what)) {}  // NOLINT(google-explicit-constructor)
  Refusal(RefusalKind is, std::string message)
      : error{ErrorCode::kInvalidArgument, std::move(message), {}}, kind(is) {}

  Error error;
  RefusalKind kind = RefusalKind::kByCode;
  std::string_view reason{};  // machine-readable; empty: none
  std::string target{};       // the namespace that an alias in the way points at
};

/// What an operation gives.
template <class T>
using Refusable = std::expected<T, Refusal>;
using Answer = Refusable<HttpResponse>;

/// Of a request that says something wrong.
[[nodiscard]] inline std::unexpected<Error> Invalid(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

[[nodiscard]] inline std::unexpected<Refusal> Refuse(RefusalKind kind, std::string message) {
  return std::unexpected(Refusal(kind, std::move(message)));
}

}  // namespace rehome::pinecone_local
