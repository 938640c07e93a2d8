#include "adapters/mongodb/reads.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "adapters/mongodb/id_ranges.h"
#include "model/extended_json.h"
#include "model/fields.h"
#include "model/sort_key.h"

namespace rehome::mongodb {
namespace {

constexpr std::int64_t kCountStep = 200'000;
constexpr std::size_t kIdsOfOneFind = 1'000;
constexpr std::size_t kIdBytesOfOneFind = std::size_t{8} << 20U;
constexpr std::size_t kSamplesOfOneRange = 20;
constexpr std::size_t kIdsOfOnePage = 10'000;
constexpr std::size_t kFoundOfOnePage = 1'000;
// What one answer holds is asked for without an order: a server that is to sort by _id may walk along
// that index instead of the field's, through the whole collection.
constexpr std::size_t kFoundAtOnce = 4'000;

Document ById() {
  return DocumentBuilder().Int32("_id", 1).Finish();
}

/// Both conditions; either may be empty.
Document Both(const Document& filter, const Document& on_id) {
  if (filter.view().empty()) {
    return on_id;
  }
  if (on_id.view().empty()) {
    return filter;
  }
  return DocumentBuilder()
      .Array("$and", ArrayBuilder().Append(on_id).Append(filter).Finish())
      .Finish();
}

/// `ask(filter)` gives documents for each filter of the range in turn, until one gives some. Its
/// `end` is that of the range.
template <class F>
Result<Page> FirstFound(Server& server, const IdRange& range, const F& ask) {
  const RareTypes rare_types = server.rare_types();
  const std::vector<Document> filters = RangeFilters(range, rare_types);
  for (std::size_t i = 0; i < filters.size(); ++i) {
    Result<Page> found = ask(filters[i]);
    if (!found && found.error().message.contains("Unknown type") &&
        rare_types != RareTypes::kUnknown) {
      server.SetRareTypes(RareTypes::kUnknown);
      return FirstFound(server, range, ask);
    }
    if (!found) {
      return found;
    }
    if (i == 0 && AsksForRareTypes(range, rare_types)) {
      server.SetRareTypes(RareTypes::kKnown);
    }
    if (!found->documents.empty()) {
      found->end = found->end && i + 1 == filters.size();
      return found;
    }
  }
  return Page{.documents = {}, .end = true};
}

class Cursor final : public DocumentCursor {
 public:
  Cursor(std::shared_ptr<Server> server, std::string_view collection, const IdRange& range,
         Call call)
      : server_(server),
        reader_(std::move(server), collection, range, Document(), false),
        call_(std::move(call)) {}

  [[nodiscard]] Result<std::vector<Document>> Next(std::size_t count_max,
                                                   std::size_t bytes_max) override {
    count_max = std::max<std::size_t>(count_max, 1);
    if (rest_.empty()) {
      REHOME_TRY_ASSIGN(const std::size_t limit, Limit(count_max, bytes_max));
      auto page = reader_.Next(std::min(limit, in_time_), call_);
      while (!page && page.error().code == ErrorCode::kDeadlineExceeded && in_time_ > 1) {
        in_time_ = std::min(limit, in_time_) / 2;  // documents that come from a slow disk
        page = reader_.Next(std::max<std::size_t>(in_time_, 1), call_);
      }
      REHOME_TRY_ASSIGN(rest_, std::move(page));
      at_ = 0;
    }
    return Take(count_max, bytes_max);
  }

 private:
  /// How many documents to ask for, by the size of those that came.
  Result<std::size_t> Limit(std::size_t count_max, std::size_t bytes_max) {
    if (seen_ == 0) {
      REHOME_TRY_ASSIGN(const Capabilities server, server_->Ask(call_));
      return std::min(count_max, server.answer_count_max());
    }
    const std::size_t average = std::max<std::size_t>(seen_bytes_ / seen_, 1);
    return std::clamp<std::size_t>(bytes_max / average + 1, 1, count_max);
  }

  std::vector<Document> Take(std::size_t count_max, std::size_t bytes_max) {
    std::vector<Document> batch;
    std::size_t bytes = 0;
    while (at_ < rest_.size() && batch.size() < count_max && (bytes < bytes_max || batch.empty())) {
      bytes += rest_[at_].bytes().size();
      batch.push_back(std::move(rest_[at_++]));
    }
    if (at_ == rest_.size()) {
      rest_.clear();
      at_ = 0;
    }
    seen_ += batch.size();
    seen_bytes_ += bytes;
    return batch;
  }

  const std::shared_ptr<Server> server_;
  RangeReader reader_;
  const Call call_;
  std::vector<Document> rest_;  // read and not given out yet
  std::size_t at_ = 0;
  std::size_t seen_ = 0;
  std::size_t seen_bytes_ = 0;
  std::size_t in_time_ = SIZE_MAX;  // how many one answer brings before its deadline
};

/// The number of the first ids that match, and the last of them.
Document CountPipeline(const Document& on_id) {
  const Document group = DocumentBuilder()
                             .Null("_id")
                             .Append("n", DocumentBuilder().Int32("$sum", 1).Finish())
                             .Append("last", DocumentBuilder().String("$last", "$_id").Finish())
                             .Finish();
  return ArrayBuilder()
      .Append(DocumentBuilder().Append("$match", on_id).Finish())
      .Append(DocumentBuilder().Append("$sort", ById()).Finish())
      .Append(DocumentBuilder().Int64("$limit", kCountStep).Finish())
      .Append(DocumentBuilder().Append("$project", ById()).Finish())
      .Append(DocumentBuilder().Append("$group", group).Finish())
      .Finish();
}

/// An _id may be as large as a document, and a command hardly larger.
std::size_t IdsOfOneCommand(std::span<const std::pair<std::string, const Value*>> wanted,
                            std::size_t count_max) {
  std::size_t count = 0;
  std::size_t bytes = 0;
  while (count < std::min(wanted.size(), count_max)) {
    bytes += wanted[count].second->view().payload().size();
    if (count > 0 && bytes > kIdBytesOfOneFind) {
      break;
    }
    ++count;
  }
  return count;
}

/// What one $in finds of `wanted` ids (ascending, distinct), however the server cuts its answers.
Status FindSome(Server& server, FindQuery query,
                std::span<const std::pair<std::string, const Value*>> wanted, const Call& call,
                std::unordered_map<std::string, Document>& found) {
  std::size_t in_time = wanted.size();  // how many one answer brings before its deadline
  while (!wanted.empty()) {
    query.limit = std::min(in_time, wanted.size());
    ArrayBuilder ids;
    for (const auto& [key, id] : wanted.first(query.limit)) {
      ids.Append(id->view());
    }
    const Document in = DocumentBuilder().Array("$in", ids.Finish()).Finish();
    query.filter = DocumentBuilder().Append("_id", in).Finish();
    auto page = Find(server, query, call);
    if (!page && page.error().code == ErrorCode::kDeadlineExceeded && query.limit > 1) {
      in_time = query.limit / 2;
      continue;
    }
    REHOME_TRY(page);
    std::size_t answered = query.limit;
    if (!page->end && !page->documents.empty()) {
      const std::string last = SortKey(page->documents.back().Id());
      const auto later =
          std::ranges::find_if(wanted, [&](const auto& one) { return one.first > last; });
      answered = std::min(answered, static_cast<std::size_t>(later - wanted.begin()));
    }
    for (Document& document : page->documents) {
      std::string key = SortKey(document.Id());
      found.insert_or_assign(std::move(key), std::move(document));
    }
    wanted = wanted.subspan(answered);
  }
  return {};
}

void SortById(std::vector<Document>& documents) {
  std::vector<std::pair<std::string, Document>> keyed;
  keyed.reserve(documents.size());
  for (Document& document : documents) {
    std::string key = SortKey(document.Id());
    keyed.emplace_back(std::move(key), std::move(document));
  }
  std::ranges::sort(keyed, {}, &std::pair<std::string, Document>::first);
  documents.clear();
  for (auto& [key, document] : keyed) {
    documents.push_back(std::move(document));
  }
}

/// Every `step`-th id of the collection is a boundary.
Result<std::vector<Value>> WalkBoundaries(const std::shared_ptr<Server>& server,
                                          std::string_view collection, std::size_t parts,
                                          const Call& call) {
  REHOME_TRY_ASSIGN(const std::uint64_t count, CountAll(*server, collection, call));
  const std::size_t step = count / parts;
  std::vector<Value> boundaries;
  RangeReader reader(server, collection, {}, Document(), true);
  std::size_t seen = 0;
  while (step > 0) {
    REHOME_TRY_ASSIGN(const std::vector<Document> page, reader.Next(kIdsOfOnePage, call));
    if (page.empty()) {
      break;
    }
    for (const Document& document : page) {
      if (++seen % step == 0 && boundaries.size() + 1 < parts) {
        boundaries.emplace_back(document.Id());
      }
    }
  }
  return boundaries;
}

/// Quantiles of a random sample; nothing where the server does not sample.
Result<std::optional<std::vector<Value>>> SampleBoundaries(Server& server,
                                                           std::string_view collection,
                                                           std::size_t parts, const Call& call) {
  const Document size = DocumentBuilder()
                            .Int64("size", static_cast<std::int64_t>(parts * kSamplesOfOneRange))
                            .Finish();
  const Document pipeline = ArrayBuilder()
                                .Append(DocumentBuilder().Append("$sample", size).Finish())
                                .Append(DocumentBuilder().Append("$project", ById()).Finish())
                                .Finish();
  const Document batch =
      DocumentBuilder()
          .Int64("batchSize", static_cast<std::int64_t>(parts * kSamplesOfOneRange) + 1)
          .Finish();
  auto reply = server.Read(WithDeadline(DocumentBuilder()
                                            .String("aggregate", collection)
                                            .Array("pipeline", pipeline)
                                            .Append("cursor", batch),
                                        call),
                           "sampling " + server.Name(collection), call);
  if (!reply) {
    // Of a collection that is small for the sample a server reads and sorts everything: walked, its
    // ids alone are read.
    const ErrorCode code = reply.error().code;
    if (code == ErrorCode::kFailedPrecondition || code == ErrorCode::kDeadlineExceeded) {
      return std::nullopt;
    }
    return std::unexpected(std::move(reply).error());
  }
  std::vector<std::pair<std::string, Value>> ids;
  for (const Document& document : BatchOf(reply->view())) {
    ids.emplace_back(SortKey(document.Id()), document.Id());
  }
  std::ranges::sort(ids, {}, &std::pair<std::string, Value>::first);
  const auto doubles = std::ranges::unique(ids, {}, &std::pair<std::string, Value>::first);
  ids.erase(doubles.begin(), doubles.end());
  std::vector<Value> boundaries;
  for (std::size_t part = 1; part < parts; ++part) {
    const std::size_t at = ids.size() * part / parts;
    if (at > 0 && (boundaries.empty() || boundaries.back() != ids[at - 1].second)) {
      boundaries.push_back(ids[at - 1].second);
    }
  }
  return boundaries;
}

/// Between ranges stands only what the server orders as MongoDB does.
Status DropUnordered(const std::shared_ptr<Server>& server, std::string_view collection,
                     std::vector<Value>& boundaries, const Call& call) {
  const auto is_binary = [](const Value& one) { return one.view().type() == BsonType::kBinary; };
  const auto binary = std::ranges::find_if(boundaries, is_binary);
  if (binary == boundaries.end()) {
    return {};
  }
  RangeReader reader(server, collection, {*binary, std::nullopt}, Document(), true);
  REHOME_TRY(reader.Next(1, call));  // which tells how it compares them
  if (server->rare_types() == RareTypes::kUnknown) {
    std::erase_if(boundaries, is_binary);
  }
  return {};
}

}  // namespace

Document SimpleCollation() {
  return DocumentBuilder().String("locale", "simple").Finish();
}

std::vector<Document> BatchOf(DocumentView reply) {
  std::vector<Document> out;
  for (const auto& [name, batch] : DocumentField(reply, "cursor")) {
    if (batch.type() != BsonType::kArray || (name != "firstBatch" && name != "nextBatch")) {
      continue;
    }
    for (const auto& [index, document] : batch.AsDocument()) {
      if (document.type() == BsonType::kDocument) {
        // Part of a reply that was parsed.
        out.push_back(Document::Trusted(std::string(document.payload())));
      }
    }
  }
  return out;
}

Result<Page> Find(Server& server, const FindQuery& query, const Call& call) {
  const auto limit = static_cast<std::int64_t>(query.limit);
  DocumentBuilder command;
  command.String("find", query.collection)
      .Append("filter", query.filter)
      .Int64("limit", limit)
      .Int64("batchSize", limit)
      .Append("collation", SimpleCollation());
  if (query.in_order) {
    command.Append("sort", ById());
  }
  if (query.ids_only) {
    command.Append("projection", ById());
  }
  REHOME_TRY_ASSIGN(
      const Document reply,
      server.Read(WithDeadline(std::move(command), call, query.patience),
                  "reading " + server.Name(query.collection), call, query.after, query.patience));
  Page page{.documents = BatchOf(reply.view()), .end = false};
  if (const std::int64_t cursor = IntField(DocumentField(reply.view(), "cursor"), "id");
      cursor != 0) {
    const Document cursors = ArrayBuilder().Append(Value::Int64(cursor).view()).Finish();
    // Best effort: the server forgets idle cursors by itself.
    static_cast<void>(server.Ask(server.database(), DocumentBuilder()
                                                        .String("killCursors", query.collection)
                                                        .Array("cursors", cursors)
                                                        .Finish()));
    return page;
  }
  page.end = page.documents.size() < query.limit;
  return page;
}

Result<std::vector<Document>> RangeReader::Next(std::size_t limit, const Call& call) {
  const auto ask = [&](const Document& on_id) {
    return Find(*server_,
                {.collection = collection_,
                 .filter = Both(filter_, on_id),
                 .limit = limit,
                 .ids_only = ids_only_},
                call);
  };
  if (through_) {
    return std::vector<Document>{};
  }
  REHOME_TRY_ASSIGN(Page page, FirstFound(*server_, range_, ask));
  REHOME_TRY(CheckOrder(page.documents));
  through_ = page.end;
  if (!page.documents.empty()) {
    range_.after = Value(page.documents.back().Id());
  }
  return std::move(page.documents);
}

Status RangeReader::CheckOrder(const std::vector<Document>& page) const {
  std::optional<ValueView> before;
  if (range_.after) {
    before = range_.after->view();
  }
  std::string last = before ? SortKey(*before) : "";
  for (const Document& document : page) {
    std::string key = SortKey(document.Id());
    if (key <= last) {
      return Fail(
          ErrorCode::kFailedPrecondition,
          fmt::format("reading {}: the server tells the _id {} after {}, which is not MongoDB's "
                      "order: documents would be missed",
                      server_->Name(collection_), ToExtendedJson(document.Id(), JsonMode::kRelaxed),
                      before ? ToExtendedJson(*before, JsonMode::kRelaxed) : "nothing"),
          "use a server of MongoDB's own, or give those documents other _ids");
    }
    before = document.Id();
    last = std::move(key);
  }
  return {};
}

Result<std::vector<std::optional<Document>>> FindByIds(Server& server, std::string_view collection,
                                                       std::span<const Value> ids, const Call& call,
                                                       std::uint64_t after) {
  std::vector<std::pair<std::string, const Value*>> wanted;
  std::vector<std::string> keys;
  for (const Value& id : ids) {
    keys.push_back(SortKey(id.view()));
    wanted.emplace_back(keys.back(), &id);
  }
  std::ranges::sort(wanted, {}, [](const auto& one) -> const std::string& { return one.first; });
  const auto doubles = std::ranges::unique(
      wanted, {}, [](const auto& one) -> const std::string& { return one.first; });
  wanted.erase(doubles.begin(), doubles.end());
  REHOME_TRY_ASSIGN(const Capabilities capabilities, server.Ask(call));
  const std::size_t step = std::min(kIdsOfOneFind, capabilities.answer_count_max());
  std::unordered_map<std::string, Document> found;
  for (auto rest = std::span(wanted); !rest.empty();) {
    const auto some = rest.first(IdsOfOneCommand(rest, step));
    rest = rest.subspan(some.size());
    REHOME_TRY(FindSome(
        server,
        {.collection = collection, .filter = {}, .limit = 0, .ids_only = false, .after = after},
        some, call, found));
  }
  std::vector<std::optional<Document>> out(ids.size());
  const bool each_once = wanted.size() == ids.size();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (const auto document = found.find(keys[i]); document != found.end()) {
      out[i] = each_once ? std::move(document->second) : document->second;
    }
  }
  return out;
}

Result<std::vector<Document>> FindByField(const std::shared_ptr<Server>& server,
                                          std::string_view collection, std::string_view path,
                                          std::span<const Value> values, std::size_t count_max,
                                          const Call& call) {
  ArrayBuilder wanted;
  for (const Value& value : values) {
    wanted.Append(value.view());
  }
  const Document in = DocumentBuilder().Array("$in", wanted.Finish()).Finish();
  const Document filter = DocumentBuilder().Append(path, in).Finish();
  REHOME_TRY_ASSIGN(const Capabilities capabilities, server->Ask(call));
  const std::size_t at_once = capabilities.hello ? kFoundAtOnce : kFoundOfOnePage;
  // One more than is wanted: without it nobody would know that these were all.
  FindQuery query{.collection = collection,
                  .filter = filter,
                  .limit = std::min(count_max, at_once - 1) + 1,
                  .in_order = false};
  auto all = Find(*server, query, call);
  if (!all && all.error().code == ErrorCode::kDeadlineExceeded) {
    query.patience = Patience::kStream;  // without an index it goes through the whole collection
    all = Find(*server, query, call);
  }
  REHOME_TRY(all);
  if (all->end) {
    SortById(all->documents);
    return std::move(all->documents);
  }
  RangeReader reader(server, collection, {}, filter, false);
  std::vector<Document> found;
  while (found.size() < count_max) {
    const std::size_t limit = std::min(count_max - found.size(), kFoundOfOnePage);
    REHOME_TRY_ASSIGN(std::vector<Document> page, reader.Next(limit, call));
    if (page.empty()) {
      break;
    }
    std::ranges::move(page, std::back_inserter(found));
  }
  return found;
}

/// The server's own metadata count is not exact after a crash and on shards that hold orphans, so
/// ids are counted, in steps that end before a deadline does.
Result<std::uint64_t> CountAll(Server& server, std::string_view collection, const Call& call) {
  const auto step = [&](const Document& on_id) -> Result<Page> {
    REHOME_TRY_ASSIGN(const Document reply,
                      server.Read(WithDeadline(DocumentBuilder()
                                                   .String("aggregate", collection)
                                                   .Array("pipeline", CountPipeline(on_id))
                                                   .Append("cursor", Document())
                                                   .Append("collation", SimpleCollation())
                                                   .Bool("allowDiskUse", true),
                                               call),
                                  "counting " + server.Name(collection), call));
    return Page{.documents = BatchOf(reply.view()), .end = false};
  };
  IdRange range;
  std::uint64_t total = 0;
  while (true) {
    const bool whole = !range.after;
    REHOME_TRY_ASSIGN(const Page counted, FirstFound(server, range, step));
    if (counted.documents.empty()) {
      return total;
    }
    const DocumentView step_counted = counted.documents.front().view();
    const std::int64_t count = IntField(step_counted, "n");
    total += static_cast<std::uint64_t>(count);
    if (whole && count < kCountStep) {
      return total;
    }
    range.after = Value(*step_counted.Find("last"));
  }
}

Result<std::vector<IdRange>> SplitById(const std::shared_ptr<Server>& server,
                                       std::string_view collection, std::size_t ranges_max,
                                       const Call& call) {
  const std::size_t parts = std::max<std::size_t>(ranges_max, 1);
  std::vector<IdRange> ranges(1);
  if (parts == 1) {
    return ranges;
  }
  REHOME_TRY_ASSIGN(auto sampled, SampleBoundaries(*server, collection, parts, call));
  std::vector<Value> boundaries;
  if (sampled) {
    boundaries = *std::move(sampled);
  } else {
    REHOME_TRY_ASSIGN(boundaries, WalkBoundaries(server, collection, parts, call));
  }
  REHOME_TRY(DropUnordered(server, collection, boundaries, call));
  for (Value& boundary : boundaries) {
    ranges.back().upto = boundary;
    ranges.push_back({std::move(boundary), std::nullopt});
  }
  return ranges;
}

std::unique_ptr<DocumentCursor> OpenCursor(std::shared_ptr<Server> server,
                                           std::string_view collection, const IdRange& range,
                                           const Call& call) {
  return std::make_unique<Cursor>(std::move(server), collection, range, call);
}

}  // namespace rehome::mongodb
