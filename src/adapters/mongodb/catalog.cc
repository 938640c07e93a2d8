#include "adapters/mongodb/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "adapters/mongodb/reads.h"
#include "model/fields.h"
#include "model/sort_key.h"

namespace rehome::mongodb {
namespace {

constexpr std::string_view kPrimaryIndex = "_id_";
constexpr Millis kBuildLook{500};
constexpr std::int64_t kCursorBatch = 100'000;  // all of them in one answer, if it holds them

Document OneBatch() {
  return DocumentBuilder().Int64("batchSize", kCursorBatch).Finish();
}

/// Everything that a listing command tells, however many answers that takes.
Answer<std::vector<Document>> ListAll(Server& server, const Document& command) {
  const std::unique_ptr<Connection> connection = server.Pop();
  if (auto failure = connection->Pin()) {
    return std::unexpected(*std::move(failure));
  }
  Answer<Document> reply = connection->Run(server.database(), command, Traffic::kOther, Document());
  std::vector<Document> out;
  while (reply) {
    std::ranges::move(BatchOf(reply->view()), std::back_inserter(out));
    const DocumentView cursor = DocumentField(reply->view(), "cursor");
    const std::int64_t id = IntField(cursor, "id");
    if (id == 0) {
      return out;
    }
    const std::string name = StringField(cursor, "ns").substr(server.database().size() + 1);
    reply =
        connection->Run(server.database(),
                        DocumentBuilder().Int64("getMore", id).String("collection", name).Finish(),
                        Traffic::kOther, Document());
  }
  return std::unexpected(reply.error());
}

bool IsInternal(std::string_view collection) {
  return collection.starts_with("system.");
}

Result<std::vector<Document>> List(Server& server, const Document& filter, const Call& call) {
  DocumentBuilder command;
  command.Int32("listCollections", 1).Append("filter", filter).Append("cursor", OneBatch());
  const std::string doing = "listing the collections of " + server.database();
  REHOME_TRY(RefuseStopped(call, doing));
  auto listed = ListAll(server, WithDeadline(std::move(command), call));
  if (!listed) {
    return std::unexpected(ToError(listed.error(), doing, Effect::kReads));
  }
  return *std::move(listed);
}

/// An index as it is created anew: without what the server adds about where it stands, and with what
/// it leaves out: an index that names no collation compares by bytes, but one that is created without
/// takes over the collection's default.
Document Portable(DocumentView index, bool has_default_collation) {
  DocumentBuilder out;
  for (const auto& [key, value] : index) {
    if (key != "ns") {
      out.Append(key, value);
    }
  }
  if (has_default_collation && !index.Find("collation")) {
    out.Append("collation", SimpleCollation());
  }
  return out.Finish();
}

/// `options`: the collection's.
Result<std::vector<Document>> IndexesOf(Server& server, std::string_view collection,
                                        DocumentView options, const Call& call) {
  DocumentBuilder command;
  command.String("listIndexes", collection).Append("cursor", OneBatch());
  const auto listed = ListAll(server, WithDeadline(std::move(command), call));
  if (!listed) {
    if (listed.error().code == codes::kNamespaceNotFound) {
      return std::vector<Document>{};  // dropped meanwhile
    }
    return std::unexpected(ToError(
        listed.error(), "listing the indexes of " + server.Name(collection), Effect::kReads));
  }
  std::vector<Document> out;
  for (const Document& index : *listed) {
    // A clustered collection has its index from its options, whatever it is called.
    if (StringField(index.view(), "name") != kPrimaryIndex &&
        !BoolField(index.view(), "clustered")) {
      out.push_back(Portable(index.view(), options.Find("collation").has_value()));
    }
  }
  return out;
}

Document FilterByName(std::string_view collection) {
  return DocumentBuilder().String("name", collection).Finish();
}

Status CheckName(std::string_view collection) {
  if (collection.empty() || collection.contains('\0') || collection.contains('$')) {
    return Fail(ErrorCode::kInvalidArgument,
                "a collection's name must not be empty nor hold a NUL byte or a $");
  }
  return {};
}

/// How a command is sent.
struct Manner {
  std::string_view database = {};  // empty: the store's own
  Server::Deadline deadline = Server::Deadline::kOfCall;
};

/// Runs a command that changes the catalog; `fine`: a failure that is success.
template <class Fine>
Status Change(Server& server, const Document& command, std::string_view doing, const Call& call,
              const Manner& manner, const Fine& fine) {
  REHOME_TRY(RefuseStopped(call, doing));
  REHOME_TRY_ASSIGN(const Answer<Document> answer,
                    server.TryWrite(command, call, manner.database, manner.deadline));
  if (!answer && !fine(answer.error())) {
    return std::unexpected(ToError(answer.error(), doing, Effect::kWrites));
  }
  if (answer) {
    if (const auto unconfirmed = answer->Find("writeConcernError")) {
      return std::unexpected(WriteConcernError(unconfirmed->AsDocument(), doing));
    }
  }
  return {};
}

template <class Is>
Result<bool> AnyIndex(Server& server, std::string_view collection, const Call& call, const Is& is) {
  REHOME_TRY_ASSIGN(const auto indexes, IndexesOf(server, collection, Document().view(), call));
  return std::ranges::any_of(indexes, [&](const Document& one) { return is(one.view()); });
}

/// The same fields in the same order and directions; a shell writes directions as doubles.
bool IsSameKey(DocumentView a, DocumentView b) {
  return std::ranges::equal(a, b, [](const auto& one, const auto& other) {
    return one.key == other.key && SortKey(one.value) == SortKey(other.value);
  });
}

/// Whether an index, whatever its name, finds and refuses what `wanted` would.
bool DoesTheSame(DocumentView index, DocumentView wanted) {
  constexpr std::array<std::string_view, 4> kNarrower{"partialFilterExpression", "sparse",
                                                      "collation", "hidden"};
  return IsSameKey(DocumentField(index, "key"), DocumentField(wanted, "key")) &&
         BoolField(index, "unique") == BoolField(wanted, "unique") &&
         std::ranges::none_of(kNarrower, [&](auto key) { return index.Find(key).has_value(); });
}

/// Whether the server says that it builds that index just now.
bool IsBuilding(Server& server, std::string_view collection, std::string_view name) {
  const Answer<Document> stats =
      server.Ask(server.database(), DocumentBuilder().String("collStats", collection).Finish());
  if (!stats) {
    return false;
  }
  const DocumentView building = DocumentField(stats->view(), "indexBuilds");
  return std::ranges::any_of(
      building, [&](const auto& one) { return one.value == Value::String(name).view(); });
}

bool IsAbsent(const Failure& failure) {
  return failure.origin == Failure::Origin::kServer &&
         (failure.code == codes::kNamespaceNotFound || failure.message == "ns not found");
}

}  // namespace

Result<std::vector<CollectionInfo>> ListCollections(Server& server, const Call& call) {
  REHOME_TRY_ASSIGN(const std::vector<Document> listed, List(server, Document(), call));
  std::vector<CollectionInfo> out;
  for (const Document& one : listed) {
    const std::string name = StringField(one.view(), "name");
    if (IsInternal(name)) {
      continue;
    }
    CollectionInfo info{
        name, Document::Trusted(std::string(DocumentField(one.view(), "options").bytes())), {}};
    if (StringField(one.view(), "type") != "view") {
      REHOME_TRY_ASSIGN(info.indexes, IndexesOf(server, name, info.options.view(), call));
    }
    out.push_back(std::move(info));
  }
  std::ranges::sort(out, {}, &CollectionInfo::name);
  return out;
}

Result<std::optional<Document>> OptionsOf(Server& server, std::string_view collection,
                                          const Call& call) {
  REHOME_TRY_ASSIGN(const std::vector<Document> listed,
                    List(server, FilterByName(collection), call));
  for (const Document& one : listed) {
    if (StringField(one.view(), "name") == collection) {
      return Document::Trusted(std::string(DocumentField(one.view(), "options").bytes()));
    }
  }
  return std::nullopt;
}

Status Create(Server& server, std::string_view collection, const Document& options,
              const Call& call) {
  REHOME_TRY(CheckName(collection));
  DocumentBuilder command;
  command.String("create", collection);
  for (const auto& [key, value] : options.view()) {
    command.Append(key, value);
  }
  return Change(server, command.Finish(), "creating " + server.Name(collection), call, {},
                [](const Failure& failure) { return failure.code == codes::kNamespaceExists; });
}

Status Drop(Server& server, std::string_view collection, const Call& call) {
  return Change(server, DocumentBuilder().String("drop", collection).Finish(),
                "dropping " + server.Name(collection), call, {}, IsAbsent);
}

Status Rename(Server& server, std::string_view from, std::string_view to, const Call& call) {
  REHOME_TRY(CheckName(to));
  REHOME_TRY_ASSIGN(const auto source, OptionsOf(server, from, call));
  REHOME_TRY_ASSIGN(const auto target, OptionsOf(server, to, call));
  if (source && target) {
    return Fail(ErrorCode::kAlreadyExists,
                fmt::format("{} cannot be renamed to {}, which exists", from, to));
  }
  if (!source && !target) {
    return Fail(ErrorCode::kNotFound, fmt::format("there is no collection {} to rename", from));
  }
  if (!source) {
    return {};
  }
  return Change(server,
                DocumentBuilder()
                    .String("renameCollection", server.Name(from))
                    .String("to", server.Name(to))
                    .Finish(),
                fmt::format("renaming {} to {}", server.Name(from), to), call,
                {.database = "admin"}, [](const Failure&) { return false; });
}

Status CreateIndex(Server& server, std::string_view collection, const Document& index,
                   OtherName other_name, Clock& clock, const Call& call) {
  REHOME_TRY(CheckName(collection));
  const std::string name = StringField(index.view(), "name");
  if (name.empty()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("an index of {} has no name", collection));
  }
  if (name == kPrimaryIndex) {
    return {};
  }
  REHOME_TRY_ASSIGN(const Capabilities capabilities, server.Ask(call));
  DocumentBuilder command;
  command.String("createIndexes", collection)
      .Array("indexes", ArrayBuilder().Append(index).Finish());
  if (capabilities.votes_on_indexes()) {
    command.String("commitQuorum", "majority");  // else one member that is away holds it up
  }
  const Document create = command.Finish();
  const std::string doing =
      fmt::format("creating the index {} of {}", name, server.Name(collection));
  while (true) {
    Failure failed;
    // A deadline would end the build.
    Status created = Change(server, create, doing, call, {.deadline = Server::Deadline::kNone},
                            [&](const Failure& failure) {
                              failed = failure;
                              return false;
                            });
    if (!created && failed.code == codes::kIndexOptionsConflict &&
        other_name == OtherName::kAccept) {
      REHOME_TRY_ASSIGN(const bool does, AnyIndex(server, collection, call, [&](DocumentView one) {
                          return DoesTheSame(one, index.view());
                        }));
      if (does) {
        return {};
      }
    }
    const bool cut_off = !created && failed.origin == Failure::Origin::kNetwork;
    if (!cut_off) {
      return created;
    }
    const auto is_named = [&](DocumentView one) { return StringField(one, "name") == name; };
    REHOME_TRY_ASSIGN(const bool begun, AnyIndex(server, collection, call, is_named));
    if (!begun) {
      return created;
    }
    // Over many documents it takes longer than an answer may, and the server goes on with it. Asked
    // again while it lasts, it would hold a connection more.
    while (IsBuilding(server, collection, name)) {
      REHOME_TRY(RefuseStopped(call, doing));
      if (call.may_repeat) {
        REHOME_TRY(call.may_repeat());
      }
      static_cast<void>(clock.SleepFor(kBuildLook, call.stop));
    }
    REHOME_TRY_ASSIGN(const bool built, AnyIndex(server, collection, call, is_named));
    if (!built) {  // and would be given up again at its end
      return Fail(ErrorCode::kFailedPrecondition,
                  fmt::format("{}: the server built it and gave it up at the end", doing),
                  BoolField(index.view(), "unique")
                      ? "two documents hold the same value there: find them (group by the index's "
                        "fields), mend them, then run the same command again"
                      : "the server's log says why; then run the same command again");
    }
  }
}

Status DropIndex(Server& server, std::string_view collection, std::string_view name,
                 const Call& call) {
  return Change(server,
                DocumentBuilder().String("dropIndexes", collection).String("index", name).Finish(),
                fmt::format("dropping the index {} of {}", name, server.Name(collection)), call, {},
                [](const Failure& failure) {
                  return failure.code == codes::kIndexNotFound || IsAbsent(failure);
                });
}

Document IndexDocument(const IndexSpec& index) {
  DocumentBuilder key;
  for (const std::string& path : index.paths) {
    key.Int32(path, 1);
  }
  DocumentBuilder out;
  out.Append("key", key.Finish()).String("name", index.name);
  if (index.unique) {
    out.Bool("unique", true);
  }
  return out.Finish();
}

}  // namespace rehome::mongodb
