#include "adapters/mongodb/fence.h"

#include <fmt/format.h>

#include <optional>

#include "adapters/mongodb/catalog.h"
#include "model/extended_json.h"
#include "model/fields.h"

namespace rehome::mongodb {
namespace {

constexpr std::string_view kTitle = "fenced by rehome";
constexpr std::int64_t kBlocksWrites = 2;  // repl.userWriteBlockMode: 1 is off

/// Every document has a field, its _id.
Document FenceValidator() {
  const Document schema =
      DocumentBuilder()
          .String("title", kTitle)
          .String("description",
                  "rehome closed this collection: the application moved to the new collections")
          .Int32("maxProperties", 0)
          .Finish();
  return DocumentBuilder().Append("$jsonSchema", schema).Finish();
}

Document WithTarget(std::string_view collection, DocumentView settings) {
  DocumentBuilder command;
  command.String("collMod", collection);
  for (const auto& [key, value] : settings) {
    command.Append(key, value);
  }
  return command.Finish();
}

Status Modify(Server& server, std::string_view collection, const Document& settings,
              std::string_view doing, const Call& call) {
  REHOME_TRY(server.Write(WithTarget(collection, settings.view()),
                          fmt::format("{} {}", doing, server.Name(collection)), call));
  return {};
}

Status BlockUserWrites(Server& server, bool block, const Call& call) {
  const std::string_view doing = block ? "blocking user writes" : "unblocking user writes";
  REHOME_TRY(RefuseStopped(call, doing));
  const Answer<Document> answer = server.Ask(
      "admin", DocumentBuilder().Int32("setUserWriteBlockMode", 1).Bool("global", block).Finish());
  if (!answer) {
    return std::unexpected(ToError(answer.error(), doing, Effect::kWrites));
  }
  return {};
}

constexpr std::string_view kBlockMode = "userWriteBlockMode";

/// What the server says of its block; nothing where it has none or does not tell this user.
std::optional<std::int64_t> BlockMode(Server& server) {
  const Answer<Document> status =
      server.Ask("admin", DocumentBuilder().Int32("serverStatus", 1).Finish());
  const auto mode = status ? DocumentField(status->view(), "repl").Find(kBlockMode) : std::nullopt;
  return mode ? std::optional(IntField(DocumentField(status->view(), "repl"), kBlockMode))
              : std::nullopt;
}

bool BlocksUserWrites(Server& server) {
  return BlockMode(server) == kBlocksWrites;
}

bool IsAllowed(Server& server, std::string_view action) {
  const Answer<Document> status = server.Ask(
      "admin",
      DocumentBuilder().Int32("connectionStatus", 1).Bool("showPrivileges", true).Finish());
  if (!status) {
    return false;
  }
  const DocumentView said = DocumentField(status->view(), "authInfo");
  if (DocumentField(said, "authenticatedUsers").empty()) {
    return true;  // a server without users asks nobody
  }
  for (const auto& [index, privilege] : DocumentField(said, "authenticatedUserPrivileges")) {
    for (const auto& [at, allowed] : DocumentField(privilege.AsDocument(), "actions")) {
      if (allowed == Value::String(action).view()) {
        return true;
      }
    }
  }
  return false;
}

bool IsAlone(Server& server) {
  const Answer<Document> listed = server.Ask(
      "admin", DocumentBuilder().Int32("listDatabases", 1).Bool("nameOnly", true).Finish());
  if (!listed) {
    return false;
  }
  for (const auto& [index, database] : DocumentField(listed->view(), "databases")) {
    const std::string name = StringField(database.AsDocument(), "name");
    if (name != server.database() && name != "admin" && name != "config" && name != "local") {
      return false;
    }
  }
  return true;
}

/// The validator's settings as they stand, each one named, so that lifting puts all of them back.
Document Settings(DocumentView options) {
  const std::string level = StringField(options, "validationLevel");
  const std::string action = StringField(options, "validationAction");
  return DocumentBuilder()
      .Append("validator",
              Document::Trusted(std::string(DocumentField(options, "validator").bytes())))
      .String("validationLevel", level.empty() ? "strict" : level)
      .String("validationAction", action.empty() ? "error" : action)
      .Finish();
}

bool IsFence(DocumentView options) {
  const DocumentView schema = DocumentField(DocumentField(options, "validator"), "$jsonSchema");
  return StringField(schema, "title") == kTitle;
}

}  // namespace

Result<FenceKind> PossibleFence(Server& server, const Call& call) {
  const std::string doing = "asking whether a collection can be fenced";
  REHOME_TRY(RefuseStopped(call, doing));
  const Answer<Document> answer = server.Ask(
      server.database(), DocumentBuilder().String("collMod", "rehome_no_collection").Finish());
  if (answer || answer.error().code == codes::kNamespaceNotFound) {
    return FenceKind::kValidator;
  }
  if (answer.error().origin != Failure::Origin::kServer) {
    return std::unexpected(ToError(answer.error(), doing, Effect::kReads));
  }
  return FenceKind::kNone;  // no such command, or no right to use it
}

bool MayBlockUserWrites(Server& server) {
  return BlockMode(server).has_value() && IsAllowed(server, "setUserWriteBlockMode") &&
         IsAlone(server);
}

Result<Document> FenceUndo(Server& server, std::string_view collection, FenceKind kind,
                           const Call& call) {
  if (kind != FenceKind::kValidator) {
    return Document();
  }
  REHOME_TRY_ASSIGN(const auto options, OptionsOf(server, collection, call));
  if (options && IsFence(options->view())) {
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("{} is fenced already, by a run that did not finish", server.Name(collection)),
        "finish or revert that run first");
  }
  return Settings(options ? options->view() : Document().view());
}

Status RaiseFence(Server& server, std::string_view collection, FenceKind kind, const Call& call) {
  switch (kind) {
    case FenceKind::kValidator: {
      REHOME_TRY(Create(server, collection, Document(), call));
      const Document settings = DocumentBuilder()
                                    .Append("validator", FenceValidator())
                                    .String("validationLevel", "strict")
                                    .String("validationAction", "error")
                                    .Finish();
      return Modify(server, collection, settings, "fencing", call);
    }
    case FenceKind::kUserWriteBlock:
      return BlockUserWrites(server, true, call);
    case FenceKind::kNone:
    case FenceKind::kTrigger:
      break;
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("MongoDB has no fence of the kind {}", rehome::Name(kind)),
              "ask PossibleFence");
}

Status LiftFence(Server& server, std::string_view collection, FenceKind kind, const Document& undo,
                 const Call& call) {
  if (kind == FenceKind::kUserWriteBlock) {
    return BlocksUserWrites(server) ? BlockUserWrites(server, false, call) : Status{};
  }
  REHOME_TRY_ASSIGN(const auto options, OptionsOf(server, collection, call));
  if (!options || !IsFence(options->view())) {
    return {};
  }
  return Modify(server, collection, Settings(undo.view()), "lifting the fence of", call);
}

Result<bool> IsFenced(Server& server, std::string_view collection, const Call& call) {
  REHOME_TRY_ASSIGN(const auto options, OptionsOf(server, collection, call));
  return (options && IsFence(options->view())) || BlocksUserWrites(server);
}

bool NamesFence(DocumentView error) {
  return ToExtendedJson(error, JsonMode::kRelaxed).find(kTitle) != std::string::npos;
}

Error FencedError(std::string_view name) {
  return {ErrorCode::kFailedPrecondition,
          fmt::format("{} is fenced by rehome: the application moved to the new collections", name),
          "write to the new collections, or lift the fence with `rehome revert`"};
}

}  // namespace rehome::mongodb
