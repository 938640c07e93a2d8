#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "base/atomic_file.h"
#include "cli/console.h"
#include "cli/exit_codes.h"
#include "cli/signing_key.h"
#include "cli/verbs.h"
#include "report/escape.h"
#include "report/signed_report.h"

namespace rehome::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string TextOf(const Json& body, std::string_view key) {
  const auto found = body.find(key);
  return found != body.end() && found->is_string() ? found->get<std::string>() : std::string("?");
}

void PrintBody(const Json& body, CliEnvironment& environment) {
  const auto passed = body.find("passed");
  const bool says_passed = passed != body.end() && passed->is_boolean() && passed->get<bool>();
  environment.out << fmt::format("  plan {}, run {}, verified {}\n  it says: verification {}\n",
                                 Escape(TextOf(body, "plan")), Escape(TextOf(body, "run_id")),
                                 Escape(TextOf(body, "created_at")),
                                 says_passed ? "passed" : "FAILED");
}

Result<int> Check(const ReportOptions& options, CliEnvironment& environment) {
  REHOME_TRY_ASSIGN(const std::string text, ReadFile(options.file));
  ReportVerdict verdict = CheckReport(text);
  if (verdict.authentic && options.key && *options.key != verdict.public_key) {
    verdict.authentic = false;
    verdict.problem = fmt::format("it is signed by another key than {}", *options.key);
  }
  const Json body = verdict.body.empty() ? Json::object() : Json::parse(verdict.body);
  if (options.common.json) {
    PrintJson({{"authentic", verdict.authentic},
               {"problem", verdict.problem},
               {"public_key", verdict.public_key},
               {"report", verdict.authentic ? body : Json()}},
              environment);
  } else if (verdict.authentic) {
    environment.out << fmt::format(
        "{} is as it was signed.\n  public key {}{}\n", Escape(options.file.string()),
        Escape(verdict.public_key),
        options.key ? ", the one expected" : " (compare: rehome report key)");
    PrintBody(body, environment);
  } else {
    environment.out << fmt::format("{} proves nothing: {}\n", Escape(options.file.string()),
                                   Escape(verdict.problem));
  }
  return verdict.authentic ? kExitDone : kExitCheckFailed;
}

Result<int> Key(const Plan& plan, const ReportOptions& options, CliEnvironment& environment) {
  REHOME_TRY_ASSIGN(const SigningKey key, ReportKey(plan, environment.variables));
  if (options.common.json) {
    PrintJson({{"public_key", key.PublicHex()}}, environment);
  } else {
    environment.out << key.PublicHex() << "\n";
  }
  return kExitDone;
}

}  // namespace

int RunVerb(const ReportOptions& options, CliEnvironment& environment) {
  if (options.action == ReportOptions::Action::kKey) {
    return WithPlan(options.common, environment,
                    [&](const Plan& plan) { return Key(plan, options, environment); });
  }
  const Result<int> exit_code = Check(options, environment);
  return exit_code ? *exit_code : ReportError(exit_code.error(), options.common.json, environment);
}

}  // namespace rehome::cli
