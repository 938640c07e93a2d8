#pragma once
// signed_report.h — a JSON document that says who signed it, and from which any change shows: its
// text is canonical, the public key is its last field but one, the signature over everything before
// is its last.
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/error.h"

namespace rehome {

/// `body`: one JSON object in its order, without the two fields that are added here. The text of the
/// file. kInvalidArgument: something else.
[[nodiscard]] Result<std::string> SignReport(std::string_view body, const SigningKey& key);

struct ReportVerdict {
  bool authentic = false;
  std::string problem;     // why it is not
  std::string public_key;  // whose signature it says it is
  std::string body;        // the JSON object that was signed; empty unless authentic
};
/// Any text has a verdict.
[[nodiscard]] ReportVerdict CheckReport(std::string_view text);

}  // namespace rehome
