#pragma once
// failure.h — what went wrong in the server's or the driver's words, and what that means here.
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/document.h"

namespace rehome::mongodb {

struct Failure {
  enum class Origin : std::uint8_t {
    kServer,          // the server answered with an error
    kNetwork,         // the connection broke or nothing came in time; the server may have acted
    kSelection,       // no server could be reached
    kAuthentication,  // the credentials were refused
    kDriver,          // the driver refused the request
  };
  Origin origin = Origin::kServer;
  std::int32_t code = 0;
  std::string message;
  std::vector<std::string> labels;  // errorLabels
  [[nodiscard]] bool HasLabel(std::string_view label) const;
};

template <class T>
using Answer = std::expected<T, Failure>;

/// Whether the request changes something: only then a lost reply is an unknown outcome.
enum class Effect : std::uint8_t { kReads, kWrites };

/// The codes that callers react to (mongo/base/error_codes).
namespace codes {
inline constexpr std::int32_t kBadValue = 2;
inline constexpr std::int32_t kUnauthorized = 13;
inline constexpr std::int32_t kNamespaceNotFound = 26;
inline constexpr std::int32_t kIndexNotFound = 27;
inline constexpr std::int32_t kCursorNotFound = 43;
inline constexpr std::int32_t kNamespaceExists = 48;
inline constexpr std::int32_t kCommandNotFound = 59;
inline constexpr std::int32_t kIndexOptionsConflict = 85;
inline constexpr std::int32_t kDocumentValidationFailure = 121;
inline constexpr std::int32_t kDuplicateKey = 11000;
inline constexpr std::int32_t kUnknownStage = 40324;
inline constexpr std::int32_t kNoReplicaSet = 40573;
}  // namespace codes

/// `doing` is what was tried, on what: "inserting into app.jobs". One sentence and a next step.
[[nodiscard]] Error ToError(const Failure& failure, std::string_view doing, Effect effect);

/// A write concern error of a reply as a failure: the effect is there, its durability is not known.
[[nodiscard]] Error WriteConcernError(DocumentView error, std::string_view doing);

/// The failure that an error document ({code, errmsg, errorLabels}) tells.
[[nodiscard]] Failure ServerFailure(DocumentView reply);

/// The name of the index that a duplicate key error is about; empty if it does not say.
[[nodiscard]] std::string IndexOfDuplicate(std::string_view message);

}  // namespace rehome::mongodb
