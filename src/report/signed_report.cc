#include "report/signed_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "model/json_text.h"

namespace rehome {
namespace {

// Ordered: the text keeps the order in which the fields were written.
using Json = nlohmann::ordered_json;

constexpr std::string_view kPublicKey = "public_key";
constexpr std::string_view kSignature = "signature";
constexpr int kIndent = 2;

/// What is signed: no text of another purpose can be passed off as a report.
std::string Message(const Json& report) {
  return "rehome report 1\n" + report.dump(kIndent);
}

std::string FileText(const Json& report) {
  return report.dump(kIndent) + "\n";
}

ReportVerdict Refused(std::string problem, std::string public_key = {}) {
  return {.authentic = false,
          .problem = std::move(problem),
          .public_key = std::move(public_key),
          .body = {}};
}

std::string TextOf(const Json& object, std::string_view key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Result<std::string> SignReport(std::string_view body, const SigningKey& key) {
  Json report = Json::parse(body, nullptr, false);
  if (!report.is_object()) {
    return Fail(ErrorCode::kInvalidArgument, "a report is one JSON object");
  }
  report[std::string(kPublicKey)] = key.PublicHex();
  report[std::string(kSignature)] = key.Sign(Message(report));
  return FileText(report);
}

ReportVerdict CheckReport(std::string_view text) {
  constexpr int kDepthMax = 100;
  if (NestsDeeperThan(text, kDepthMax)) {
    return Refused("it nests deeper than a report does");
  }
  try {
    Json report = Json::parse(text, nullptr, false);
    if (!report.is_object()) {
      return Refused("it is no JSON object");
    }
    const std::string public_key = TextOf(report, kPublicKey);
    const std::string signature = TextOf(report, kSignature);
    if (public_key.empty() || signature.empty()) {
      return Refused("it is not signed", public_key);
    }
    if (FileText(report) != text) {
      return Refused("its text was edited: it is not the one that was signed", public_key);
    }
    report.erase(std::string(kSignature));
    if (!IsSignedBy(public_key, Message(report), signature)) {
      return Refused("the signature is not one of this key over this text", public_key);
    }
    report.erase(std::string(kPublicKey));
    return {.authentic = true, .problem = {}, .public_key = public_key, .body = report.dump()};
  } catch (const Json::exception& exception) {
    return Refused(exception.what());
  }
}

}  // namespace rehome
