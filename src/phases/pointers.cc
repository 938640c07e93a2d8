#include "phases/pointers.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/atomic_file.h"
#include "model/extended_json.h"
#include "phases/env_file.h"

namespace rehome {
namespace {

constexpr std::string_view kEnvFile = "env_file";
constexpr std::string_view kDocument = "document";
constexpr std::string_view kAlias = "namespace_alias";

Result<std::optional<Document>> LookForDocument(const PointerRecord& pointer, const Stores& stores,
                                                const Call& call) {
  REHOME_TRY_ASSIGN(const Value id, ParseExtendedJsonValue(pointer.id));
  REHOME_TRY_ASSIGN(auto found, stores.target_documents->FindByIds(pointer.where, {&id, 1}, call));
  return std::move(found.front());
}

Result<Document> FindPointerDocument(const PointerRecord& pointer, const Stores& stores,
                                     const Call& call) {
  REHOME_TRY_ASSIGN(auto found, LookForDocument(pointer, stores, call));
  if (!found) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("the pointer document {} is not in {}", pointer.id, pointer.where),
                "create it as the application expects it, or correct cutover.documents");
  }
  return *std::move(found);
}

/// Whether the file or the document that holds the pointer is there.
Result<bool> Exists(const PointerRecord& pointer, const Stores& stores, const Call& call) {
  if (pointer.kind == kEnvFile) {
    std::error_code unreadable;  // then reading it says why
    return std::filesystem::exists(pointer.where, unreadable) || unreadable;
  }
  if (pointer.kind == kDocument) {
    REHOME_TRY_ASSIGN(const auto found, LookForDocument(pointer, stores, call));
    return found.has_value();
  }
  return true;
}

/// The document with `key` set to the value that `json` says, or removed.
Result<Document> WithField(const Document& document, std::string_view key,
                           const std::optional<std::string>& json) {
  DocumentBuilder builder;
  std::optional<Value> value;
  if (json) {
    REHOME_TRY_ASSIGN(value, ParseExtendedJsonValue(*json));
  }
  bool placed = false;
  for (const auto& [name, old] : document.view()) {
    if (name != key) {
      builder.Append(name, old);
    } else if (value) {
      builder.Append(name, *value);
      placed = true;
    }
  }
  if (value && !placed) {
    builder.Append(key, *value);
  }
  return builder.Finish();
}

std::string Shown(const std::optional<std::string>& value) {
  return value ? fmt::format("\"{}\"", *value) : "absent";
}

std::unexpected<Error> ChangedByOthers(const PointerRecord& pointer,
                                       const std::optional<std::string>& now,
                                       const std::optional<std::string>& from,
                                       const std::optional<std::string>& to) {
  return Fail(
      ErrorCode::kFailedPrecondition,
      fmt::format(
          "{} in {} is {}; expected {} or {}: somebody else changed it, and it was left alone",
          pointer.key, pointer.where, Shown(now), Shown(from), Shown(to)),
      "find out who changed it; put it back to one of the two, then run the same command again");
}

Status SetEnvFile(const PointerRecord& pointer, const std::optional<std::string>& to) {
  // A link stays one: what it leads to is edited.
  std::error_code unresolved;
  const std::filesystem::path resolved = std::filesystem::canonical(pointer.where, unresolved);
  const std::filesystem::path file = unresolved ? std::filesystem::path(pointer.where) : resolved;
  REHOME_TRY_ASSIGN(const std::string text, ReadFile(file));
  if (!to) {
    return WriteFileAtomically(file, WithoutEnvKey(text, pointer.key));
  }
  const bool back = to == pointer.old_value;
  REHOME_TRY_ASSIGN(const std::string changed,
                    back ? WithEnvWrittenValue(text, pointer.key, pointer.old_written)
                         : WithEnvValue(text, pointer.key, *to));
  return WriteFileAtomically(file, changed);
}

Status SetDocument(const PointerRecord& pointer, const std::optional<std::string>& to,
                   const Stores& stores, const Call& call) {
  REHOME_TRY_ASSIGN(const Document document, FindPointerDocument(pointer, stores, call));
  REHOME_TRY_ASSIGN(Document changed, WithField(document, pointer.key, to));
  const Write write = Write::Replace(document, std::move(changed));
  REHOME_TRY_ASSIGN(const auto results,
                    stores.target_documents->Apply(pointer.where, {&write, 1}, {}, call));
  if (!results.front().applied()) {
    return Fail(ErrorCode::kAborted,
                fmt::format("the pointer document {} in {} changed while it was flipped",
                            pointer.id, pointer.where),
                "run the same command again");
  }
  return {};
}

Result<NamespaceAliases*> AliasesOf(const Stores& stores) {
  if (stores.aliases == nullptr) {
    return Fail(ErrorCode::kFailedPrecondition,
                "cutover.namespace_alias needs an index with namespace aliases, and the target "
                "vector store has none",
                "point the application with cutover.env_file or cutover.documents");
  }
  return stores.aliases.get();
}

Status SetAlias(const PointerRecord& pointer, const std::optional<std::string>& to,
                const Stores& stores, const Call& call) {
  REHOME_TRY_ASSIGN(NamespaceAliases* const aliases, AliasesOf(stores));
  return to ? aliases->Point(pointer.key, *to, call) : aliases->Remove(pointer.key, call);
}

Status Move(const PointerRecord& pointer, const std::optional<std::string>& from,
            const std::optional<std::string>& to, const Stores& stores, const Call& call) {
  REHOME_TRY_ASSIGN(const auto now, PointerValue(pointer, stores, call));
  if (now == to) {
    return {};
  }
  if (now != from) {
    return ChangedByOthers(pointer, now, from, to);
  }
  if (pointer.kind == kEnvFile) {
    return SetEnvFile(pointer, to);
  }
  return pointer.kind == kAlias ? SetAlias(pointer, to, stores, call)
                                : SetDocument(pointer, to, stores, call);
}

}  // namespace

Result<bool> UsesAliases(const Plan& plan, const Stores& stores, const Call& call) {
  if (plan.cutover.namespace_alias.empty()) {
    return false;
  }
  bool offered = false;
  if (stores.aliases != nullptr) {
    REHOME_TRY_ASSIGN(offered, stores.aliases->Offered(call));
  }
  if (!offered && !plan.cutover.env_file && plan.cutover.documents.empty()) {
    return Fail(ErrorCode::kFailedPrecondition,
                "the plan points the application by cutover.namespace_alias alone, and the target "
                "index has no namespace aliases",
                "add cutover.env_file or cutover.documents, which then stand in for them");
  }
  return offered;
}

Result<std::vector<PointerRecord>> ReadPointers(const Plan& plan, const Stores& stores,
                                                const Call& call) {
  std::vector<PointerRecord> out;
  if (plan.cutover.env_file) {
    for (const auto& [key, value] : plan.cutover.env_file->set) {
      out.push_back({.kind = std::string(kEnvFile),
                     .where = plan.cutover.env_file->path.string(),
                     .id = {},
                     .key = key,
                     .old_value = {},
                     .new_value = value,
                     .old_written = {}});
    }
  }
  for (const CutoverPlan::PointerDocument& document : plan.cutover.documents) {
    for (const auto& [field, value] : document.set) {
      out.push_back({.kind = std::string(kDocument),
                     .where = document.collection,
                     .id = ToExtendedJson(document.id.view(), JsonMode::kCanonical),
                     .key = field,
                     .old_value = {},
                     .new_value = ToExtendedJson(value.view(), JsonMode::kCanonical),
                     .old_written = {}});
    }
  }
  REHOME_TRY_ASSIGN(const bool aliases, UsesAliases(plan, stores, call));
  for (const auto& [alias, ns] : plan.cutover.namespace_alias) {
    if (aliases) {
      out.push_back({.kind = std::string(kAlias),
                     .where = stores.target_vectors->Identity(),
                     .id = {},
                     .key = alias,
                     .old_value = {},
                     .new_value = ns,
                     .old_written = {}});
    }
  }
  for (PointerRecord& pointer : out) {
    REHOME_TRY_ASSIGN(pointer.old_value, PointerValue(pointer, stores, call));
    if (pointer.kind == kEnvFile) {
      REHOME_TRY_ASSIGN(const std::string text, ReadFile(pointer.where));
      pointer.old_written = EnvWrittenValue(text, pointer.key).value_or("");
    }
  }
  return out;
}

Result<std::optional<std::string>> PointerValue(const PointerRecord& pointer, const Stores& stores,
                                                const Call& call) {
  if (pointer.kind == kEnvFile) {
    auto text = ReadFile(pointer.where);
    if (!text) {
      Error error = std::move(text).error();
      error.code = ErrorCode::kFailedPrecondition;
      error.hint =
          "cutover.env_file.path must name the application's env file; create it if the "
          "application has none";
      return std::unexpected(std::move(error));
    }
    return EnvValue(*text, pointer.key);
  }
  if (pointer.kind == kAlias) {
    REHOME_TRY_ASSIGN(NamespaceAliases* const aliases, AliasesOf(stores));
    return aliases->Find(pointer.key, call);
  }
  REHOME_TRY_ASSIGN(const Document document, FindPointerDocument(pointer, stores, call));
  const auto value = document.Find(pointer.key);
  return value ? std::optional(ToExtendedJson(*value, JsonMode::kCanonical)) : std::nullopt;
}

Status Flip(const PointerRecord& pointer, const Stores& stores, const Call& call) {
  return Move(pointer, pointer.old_value, pointer.new_value, stores, call);
}

Status MayFlipBack(const PointerRecord& pointer, const Stores& stores, const Call& call) {
  if (!pointer.flipped) {
    return {};
  }
  REHOME_TRY_ASSIGN(const auto now, PointerValue(pointer, stores, call));
  if (now == pointer.old_value || now == pointer.new_value) {
    return {};
  }
  return ChangedByOthers(pointer, now, pointer.new_value, pointer.old_value);
}

Status FlipBack(const PointerRecord& pointer, const Stores& stores, const Call& call) {
  if (!pointer.flipped) {
    REHOME_TRY_ASSIGN(const bool exists, Exists(pointer, stores, call));
    if (!exists) {
      return {};
    }
    REHOME_TRY_ASSIGN(const auto now, PointerValue(pointer, stores, call));
    if (now != pointer.new_value) {
      return {};  // never moved, or somebody else's by now
    }
  }
  return Move(pointer, pointer.new_value, pointer.old_value, stores, call);
}

}  // namespace rehome
