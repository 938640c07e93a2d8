#include "adapters/mongodb/fence.h"

#include <fmt/format.h>

#include <optional>

#include "adapters/mongodb/catalog.h"
#include "model/extended_json.h"
#include "model/fields.h"

namespace rehome::mongodb {
namespace {

constexpr std::string_view kTitle = "fenced by rehome";
// repl.userWriteBlockMode
constexpr std::int64_t kUnknown = 0;  // the server was too busy to look
constexpr std::int64_t kOpen = 1;

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

/// What the server says of its block; nothing where it has none or does not tell this user. A server
/// that cannot be asked now is an error: nobody may take its block for lifted.
Result<std::optional<std::int64_t>> BlockMode(Server& server) {
  const Answer<Document> status =
      server.Ask("admin", DocumentBuilder().Int32("serverStatus", 1).Finish());
  if (!status) {
    Error error = ToError(status.error(), "asking for the server's status", Effect::kReads);
    if (IsRetryable(error.code)) {
      return std::unexpected(std::move(error));
    }
    return std::nullopt;
  }
  const DocumentView said = DocumentField(status->view(), "repl");
  if (!said.Find(kBlockMode)) {
    return std::nullopt;
  }
  const std::int64_t mode = IntField(said, kBlockMode);
  if (mode == kUnknown) {
    return Fail(ErrorCode::kUnavailable,
                "the server does not tell now whether it blocks user writes",
                "run again when the server is less busy");
  }
  return mode;
}

/// Whether a privilege's resource is the cluster, or the collection; without one, every collection
/// of the database.
bool Covers(DocumentView resource, std::string_view database, std::string_view collection) {
  if (BoolField(resource, "anyResource")) {
    return true;
  }
  if (database.empty()) {
    return BoolField(resource, "cluster");
  }
  const auto is = [&](std::string_view key, std::string_view name) {
    const auto value = resource.Find(key);
    return value && value->IsString() && (value->AsString().empty() || value->AsString() == name);
  };
  return is("db", database) && is("collection", collection);
}

/// The user of the connections and its privileges; nothing where the server does not tell.
std::optional<Document> AuthInfo(Server& server) {
  const Answer<Document> status = server.Ask(
      "admin",
      DocumentBuilder().Int32("connectionStatus", 1).Bool("showPrivileges", true).Finish());
  return status ? std::optional(Document::Trusted(
                      std::string(DocumentField(status->view(), "authInfo").bytes())))
                : std::nullopt;
}

bool HasUser(const std::optional<Document>& auth) {
  return auth && !DocumentField(auth->view(), "authenticatedUsers").empty();
}

/// Whether the user may do `action` to a collection, or to the cluster where no database is named.
bool IsAllowed(const std::optional<Document>& auth, std::string_view action,
               std::string_view database, std::string_view collection) {
  if (!HasUser(auth)) {
    return auth.has_value();  // a server without users asks nobody
  }
  for (const auto& [index, privilege] :
       DocumentField(auth->view(), "authenticatedUserPrivileges")) {
    if (!Covers(DocumentField(privilege.AsDocument(), "resource"), database, collection)) {
      continue;
    }
    for (const auto& [at, allowed] : DocumentField(privilege.AsDocument(), "actions")) {
      if (allowed == Value::String(action).view() || allowed == Value::String("anyAction").view()) {
        return true;
      }
    }
  }
  return false;
}

bool IsAlone(Server& server) {
  // Without the last field a server names only those that this user may use.
  const Answer<Document> listed = server.Ask("admin", DocumentBuilder()
                                                          .Int32("listDatabases", 1)
                                                          .Bool("nameOnly", true)
                                                          .Bool("authorizedDatabases", false)
                                                          .Finish());
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

Result<FenceKind> PossibleFence(Server& server, std::string_view collection, const Call& call) {
  const std::string doing = "asking whether a collection can be fenced";
  REHOME_TRY(RefuseStopped(call, doing));
  const Answer<Document> answer = server.Ask(
      server.database(), DocumentBuilder().String("collMod", "rehome_no_collection").Finish());
  if (answer || answer.error().code == codes::kNamespaceNotFound) {
    return FenceKind::kValidator;
  }
  if (const Error error = ToError(answer.error(), doing, Effect::kReads); IsRetryable(error.code)) {
    return std::unexpected(error);
  }
  // A user may have the right for that one collection alone.
  const bool here = answer.error().code == codes::kUnauthorized && !collection.empty() &&
                    IsAllowed(AuthInfo(server), "collMod", server.database(), collection);
  return here ? FenceKind::kValidator : FenceKind::kNone;
}

bool MayPassValidators(Server& server) {
  return IsAllowed(AuthInfo(server), "bypassDocumentValidation", server.database(), "");
}

Result<bool> MayBlockUserWrites(Server& server) {
  REHOME_TRY_ASSIGN(const auto mode, BlockMode(server));
  if (mode != kOpen) {
    return false;  // one that stands already is somebody else's, and not ours to lift
  }
  // Where nobody has to say who he is, everybody may pass the block.
  const auto auth = AuthInfo(server);
  return HasUser(auth) && IsAllowed(auth, "setUserWriteBlockMode", "", "") && IsAlone(server);
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
      // The right to change a collection is not the right to make one.
      REHOME_TRY_ASSIGN(const auto options, OptionsOf(server, collection, call));
      if (!options) {
        REHOME_TRY(Create(server, collection, Document(), call));
      }
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
    REHOME_TRY_ASSIGN(const auto mode, BlockMode(server));
    return mode == kOpen ? Status{} : BlockUserWrites(server, false, call);
  }
  REHOME_TRY_ASSIGN(const auto options, OptionsOf(server, collection, call));
  if (!options || !IsFence(options->view())) {
    return {};
  }
  return Modify(server, collection, Settings(undo.view()), "lifting the fence of", call);
}

Result<bool> IsFenced(Server& server, std::string_view collection, const Call& call) {
  REHOME_TRY_ASSIGN(const auto options, OptionsOf(server, collection, call));
  if (options && IsFence(options->view())) {
    return true;
  }
  REHOME_TRY_ASSIGN(const auto mode, BlockMode(server));
  return mode && *mode != kOpen;
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
