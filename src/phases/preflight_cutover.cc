// How the run ends: the application's pointers, the fence, its hooks; whether it stands still now.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <filesystem>

#include "base/atomic_file.h"
#include "model/fields.h"
#include "phases/env_file.h"
#include "phases/fences.h"
#include "phases/pointers.h"
#include "phases/preflight_look.h"

namespace rehome {
namespace {

constexpr int kServiceUnavailable = 503;
constexpr std::string_view kMayWrite =
    "stop it for the time of the run, or carry its writes: `rehome run --online`";

void LookAtKey(Look& look, const std::string& check, std::string_view text, const std::string& key,
               const std::string& value) {
  if (const auto changed = WithEnvValue(text, key, value); !changed) {
    return look.Error(check, fmt::format("{}: {}", key, changed.error().message),
                      changed.error().hint);
  }
  const auto now = EnvValue(text, key);
  if (!now) {
    look.Warn(check,
              fmt::format("{} is not set there: cutover appends it, revert removes it again", key),
              "make sure that the application reads this key");
  } else if (*now == value && !look.IsCutOver()) {
    look.Warn(check, fmt::format("{} is {} already, before cutover", key, value),
              "find out who set it: the application may read the new side, which is not complete");
  } else {
    look.Ok(check, *now == value ? fmt::format("{} is {}", key, value)
                                 : fmt::format("{} is {}, cutover makes it {}", key, *now, value));
  }
}

/// Without '/' a program is looked for on PATH, which only the composition root knows.
std::optional<bool> CanRun(const Look& look, const std::string& program) {
  if (program.find('/') != std::string::npos) {
    std::error_code failed;
    return ::access(program.c_str(), X_OK) == 0 && !std::filesystem::is_directory(program, failed);
  }
  return look.deps.has_program ? std::optional(look.deps.has_program(program)) : std::nullopt;
}

void LookAtHook(Look& look, std::string_view which, const std::vector<std::string>& arguments) {
  const std::string check = fmt::format("hook {}", which);
  const std::string shown = fmt::format("`{}`", fmt::join(arguments, " "));
  const auto can_run = arguments.empty() ? std::optional(false) : CanRun(look, arguments.front());
  if (can_run == false) {
    look.Error(
        check, fmt::format("{} cannot be run here: there is no such program", shown),
        fmt::format("correct cutover.hooks.{}: a program and its arguments, no shell", which));
  } else {
    look.Ok(check, fmt::format("{} was not run{}", shown, can_run ? "" : ", nor looked for"));
  }
}

/// How the application's maintenance is recognised, and whether it is in it now.
struct Standstill {
  std::string sign;
  bool stands = false;
};

Result<Standstill> LookForStandstill(const Look& look, const MaintenancePlan& plan) {
  if (!plan.file.empty()) {
    std::error_code failed;
    return Standstill{fmt::format("the file {} exists", plan.file.string()),
                      std::filesystem::exists(plan.file, failed)};
  }
  if (!plan.command.empty()) {
    REHOME_TRY_ASSIGN(const int status, look.deps.run_hook(plan.command));
    return Standstill{fmt::format("`{}` exits with 0", fmt::join(plan.command, " ")), status == 0};
  }
  if (!look.deps.http_status) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("{} cannot be asked from here", plan.url),
                "name a file or a command in application.maintenance");
  }
  REHOME_TRY_ASSIGN(const int status, look.deps.http_status(plan.url));
  return Standstill{fmt::format("{} answers {}", plan.url, kServiceUnavailable),
                    status == kServiceUnavailable};
}

}  // namespace

Status LookAtEnvFile(Look& look) {
  if (!look.plan.cutover.env_file) {
    return {};
  }
  const std::filesystem::path& path = look.plan.cutover.env_file->path;
  const std::string check = "env file";
  const auto text = ReadFile(path);
  if (!text && text.error().code == ErrorCode::kNotFound) {
    // Not an error: the phases before cutover may run on a machine that the application does not.
    look.Warn(check,
              path.string() + " does not exist here: cutover will refuse (exit 3) until it does",
              "correct cutover.env_file.path, create the file, or run `rehome cutover` where the "
              "application runs");
    return {};
  }
  if (!text) {
    return std::unexpected(text.error());
  }
  std::error_code failed;
  const std::filesystem::path directory = std::filesystem::absolute(path, failed).parent_path();
  if (::access(path.c_str(), W_OK) != 0 || ::access(directory.c_str(), W_OK | X_OK) != 0) {
    look.Error(
        check,
        path.string() +
            " cannot be written: it is replaced as a whole, so its directory must be writable too",
        "give rehome's user write permission on both");
    return {};
  }
  for (const auto& [key, value] : look.plan.cutover.env_file->set) {
    LookAtKey(look, check, *text, key, value);
  }
  return {};
}

Status LookAtPointerDocuments(Look& look) {
  Plan plan = look.plan;
  plan.cutover.env_file.reset();
  plan.cutover.namespace_alias.clear();
  REHOME_TRY_ASSIGN(const auto pointers, ReadPointers(plan, look.deps.stores, look.call));
  for (const PointerRecord& pointer : pointers) {
    look.Ok("pointer " + pointer.where,
            fmt::format("{} of {} is {}, cutover makes it {}", pointer.key, pointer.id,
                        pointer.old_value.value_or("absent"), pointer.new_value));
  }
  return {};
}

Status LookAtAliases(Look& look) {
  const CutoverPlan& cutover = look.plan.cutover;
  REHOME_TRY_ASSIGN(const bool offered, UsesAliases(look.plan, look.deps.stores, look.call));
  for (const auto& [alias, ns] : cutover.namespace_alias) {
    const std::string check = "namespace alias " + alias;
    if (!offered) {
      look.Warn(check, "the index has no namespace aliases: the plan's other pointers stand in",
                "have the application take its namespace from them");
      continue;
    }
    if (look.target_index.namespaces.contains(alias)) {
      look.Error(check, "a namespace of the index has this very name",
                 "give the alias another name, and the application too");
      continue;
    }
    REHOME_TRY_ASSIGN(const auto now, look.deps.stores.aliases->Find(alias, look.call));
    const std::string hint =
        "an alias serves readers only: an application that writes its own "
        "vectors must write to the namespace itself";
    if (now) {
      look.Ok(check, fmt::format("leads to {}, cutover makes it {}", *now, ns), hint);
    } else {
      look.Warn(check, fmt::format("does not exist yet: cutover makes it, leading to {}", ns),
                "make it first, leading to the legacy namespace, so that the application can read "
                "through it before cutover too; " +
                    hint);
    }
  }
  return {};
}

/// A revert writes through the fence on both sides.
Status LookAtRightToPass(Look& look, DocumentStore& store, std::string_view which) {
  REHOME_TRY_ASSIGN(const Document description, store.Describe(look.call));
  const auto passes = description.Find("passes_validators");
  if (passes && !passes->AsBool()) {
    look.Warn(
        "fence",
        fmt::format("the user may not write past the validator of the {}: `rehome revert` could "
                    "not write back what the new side was given",
                    which),
        fmt::format("grant the user `bypassDocumentValidation` on the {}'s database", which));
  }
  return {};
}

Status LookAtFence(Look& look) {
  const CutoverPlan& cutover = look.plan.cutover;
  if (look.IsRetired()) {
    return {};
  }
  REHOME_TRY_ASSIGN(const FenceKind kind, look.deps.stores.source_documents->PossibleFence(
                                              look.plan.items.from, look.call));
  const bool by_hooks = !cutover.hooks.fence.empty();
  const std::string possible = fmt::format(
      "{}{}{}", by_hooks ? "the application's own switch (hooks)" : "",
      by_hooks && kind != FenceKind::kNone ? " and " : "",
      kind == FenceKind::kNone ? "" : fmt::format("a {} on {}", Name(kind), look.plan.items.from));
  switch (cutover.fence) {
    case CutoverPlan::Fence::kNone:
      look.Ok("fence", "the plan wants none: writes that come late are carried as stragglers");
      return {};
    case CutoverPlan::Fence::kRequired:
      if (possible.empty()) {
        look.Error(
            "fence",
            fmt::format("the plan requires one on {}, and this store offers none",
                        look.plan.items.from),
            "give cutover.hooks.fence the application's own switch, or set cutover.fence to auto");
        return {};
      }
      break;
    case CutoverPlan::Fence::kAuto:
      if (possible.empty()) {
        look.Warn("fence", "none is possible: writes that come late are carried as stragglers",
                  "give cutover.hooks.fence the application's own switch, and keep `rehome run "
                  "--online` running");
        return {};
      }
      break;
  }
  if (kind == FenceKind::kValidator) {
    REHOME_TRY(LookAtRightToPass(look, *look.deps.stores.source_documents, "source"));
    REHOME_TRY(LookAtRightToPass(look, *look.deps.stores.target_documents, "target"));
  }
  REHOME_TRY_ASSIGN(const bool whole, MayBlockUserWrites(look.plan, look.deps.stores, look.call));
  look.Ok("fence", fmt::format("possible: {}{}", possible,
                               whole ? ", and user writes blocked on the whole source cluster "
                                       "during the pause (setUserWriteBlockMode)"
                                     : ""));
  return {};
}

Status LookAtHooks(Look& look) {
  const CutoverPlan::Hooks& hooks = look.plan.cutover.hooks;
  const auto look_at = [&look](std::string_view which,
                               const std::vector<std::vector<std::string>>& all) {
    for (const std::vector<std::string>& arguments : all) {
      LookAtHook(look, which, arguments);
    }
  };
  look_at("fence", hooks.fence);
  look_at("unfence", hooks.unfence);
  look_at("before", hooks.before);
  look_at("after", hooks.after);
  if (hooks.fence.empty() != hooks.unfence.empty()) {
    look.Warn("hooks", "of fence and unfence only one is given: what one does, the other must undo",
              "give both in cutover.hooks");
  }
  return {};
}

Status LookAtRetention(Look& look) {
  if (look.plan.retire.after < std::chrono::hours{24}) {
    look.Warn("retention",
              fmt::format("retire.after is {}, under 24 h", FormatDuration(look.plan.retire.after)),
              "`rehome retire` will want --shorten-retention, which is audited");
  }
  return {};
}

Status LookAtMaintenance(Look& look) {
  if (look.IsCutOver() || look.IsRetired()) {
    return {};
  }
  if (!look.plan.maintenance) {
    look.Warn("application",
              "whether it stands still is not known: it may write while the run goes on",
              fmt::format("name application.maintenance in the plan; or {}", kMayWrite));
    return {};
  }
  const auto standstill = LookForStandstill(look, *look.plan.maintenance);
  if (!standstill) {
    look.Warn("application",
              fmt::format("whether it stands still cannot be told: {}", standstill.error().message),
              standstill.error().hint);
  } else if (standstill->stands) {
    look.Ok("application", fmt::format("stands still: {}", standstill->sign));
  } else {
    look.Warn("application",
              fmt::format("is at work; it would stand still if {}", standstill->sign),
              std::string(kMayWrite));
  }
  return {};
}

}  // namespace rehome
