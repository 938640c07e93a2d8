// mongodb_copy.cc — how fast phase 2 is on a MongoDB server against a bare, single-threaded libmongoc
// copy between two collections of the same server, in one run, and what each costs this process.
// Usage: MONGODB_URI=mongodb://…/DATABASE mongodb_copy [COUNT]. The database is written to and
// emptied of what the benchmark made. Prints documents per second, ratios and client CPU seconds,
// with one worker and with two, and the peak of this process's memory; the journal, both digests and
// the mapping of six fields are included.
#include <fmt/format.h>
#include <mongoc/mongoc.h>

#include "adapters/mongodb/mongodb_document_store.h"
#include "base/c_handle.h"
#include "bench/cpu_seconds.h"
#include "bench/engine.h"

namespace rehome::bench {
namespace {

using Client = CHandle<mongoc_client_t, mongoc_client_destroy>;
using Collection = CHandle<mongoc_collection_t, mongoc_collection_destroy>;
using Cursor = CHandle<mongoc_cursor_t, mongoc_cursor_destroy>;
using Bulk = CHandle<mongoc_bulk_operation_t, mongoc_bulk_operation_destroy>;

/// A template over bson_t would lose its alignment.
class Bson {
 public:
  explicit Bson(bson_t* raw) : raw_(raw) {}
  ~Bson() { bson_destroy(raw_); }
  Bson(const Bson&) = delete;
  Bson& operator=(const Bson&) = delete;
  Bson(Bson&&) = delete;
  Bson& operator=(Bson&&) = delete;
  [[nodiscard]] const bson_t* get() const { return raw_; }

 private:
  bson_t* const raw_;
};

struct Cost {
  double seconds = 0;
  double cpu = 0;
};

Cost Measure(Clock& clock, const std::function<void()>& work) {
  const double cpu = CpuSeconds();
  const double seconds = Seconds(clock, work);
  return {seconds, CpuSeconds() - cpu};
}

void Insert(Bulk bulk) {
  bson_error_t error{};
  if (bulk && mongoc_bulk_operation_execute(bulk.get(), nullptr, &error) == 0) {
    fmt::print(stderr, "{}\n", static_cast<const char*>(error.message));
    std::exit(1);  // NOLINT(concurrency-mt-unsafe): one thread
  }
}

/// What a user's program would do with the driver alone: read, insert unordered by majority, nothing
/// else.
void DriverCopy(const std::string& uri) {
  const Client client(mongoc_client_new(uri.c_str()));
  const char* database = mongoc_uri_get_database(mongoc_client_get_uri(client.get()));
  const std::string source(kSource);
  const Collection from(mongoc_client_get_collection(client.get(), database, source.c_str()));
  const Collection to(mongoc_client_get_collection(client.get(), database, "bare"));
  const Bson nothing(bson_new());
  const Bson unordered(
      BCON_NEW("ordered", BCON_BOOL(false), "writeConcern", "{", "w", BCON_UTF8("majority"), "}"));
  const Bson reading(BCON_NEW("batchSize", BCON_INT32(static_cast<std::int32_t>(kBatchCount))));
  const Cursor cursor(
      mongoc_collection_find_with_opts(from.get(), nothing.get(), reading.get(), nullptr));
  const Bson unchecked(BCON_NEW("validate", BCON_BOOL(false)));
  const bson_t* document = nullptr;
  Bulk bulk;
  for (std::size_t count = 0; mongoc_cursor_next(cursor.get(), &document); ++count) {
    if (count % kBatchCount == 0) {
      Insert(std::move(bulk));
      bulk.reset(mongoc_collection_create_bulk_operation_with_opts(to.get(), unordered.get()));
    }
    mongoc_bulk_operation_insert_with_opts(bulk.get(), document, unchecked.get(), nullptr);
  }
  Insert(std::move(bulk));
}

void Clean(DocumentStore& store) {
  for (const CollectionInfo& collection : Need(store.Collections({}))) {
    if (collection.name == kSource || collection.name == "bare" ||
        collection.name.starts_with("items") || collection.name.starts_with("rehome_")) {
      Need(store.DropCollection(collection.name, {}));
    }
  }
}

void Main(const std::string& uri, std::uint64_t count) {
  SystemClock clock;
  const std::shared_ptr<DocumentStore> store = Need(MongodbDocumentStore::Open(Secret(uri), clock));
  Clean(*store);
  Load(*store, count);
  const auto rate = [&](const Cost& cost) { return static_cast<double>(count) / cost.seconds; };
  const Cost bare = Measure(clock, [&] { DriverCopy(uri); });
  fmt::print("{} documents\nbare libmongoc copy   {:>9.0f} documents/s   {:.2f} s of CPU\n", count,
             rate(bare), bare.cpu);
  for (const int workers : {1, 2}) {
    SilentSink events;
    const auto session = OpenSession(store, workers, clock, events);
    const Cost phase = Measure(clock, [&] { Need(RunItems(*session, false)); });
    fmt::print(
        "phase 2, {} worker{}     {:>9.0f} documents/s   {:.2f} s of CPU   {:.2f} of the bare "
        "copy, "
        "{:.2f} times its CPU\n",
        workers, workers == 1 ? " " : "s", rate(phase), phase.cpu, bare.seconds / phase.seconds,
        phase.cpu / bare.cpu);
  }
  fmt::print("peak resident memory  {:.0f} MiB\n", PeakMebibytes());
  Clean(*store);
}

}  // namespace
}  // namespace rehome::bench

int main(int argc, char** argv) {
  const char* uri = std::getenv("MONGODB_URI");  // NOLINT(concurrency-mt-unsafe): one thread
  if (uri == nullptr) {
    fmt::print(stderr, "MONGODB_URI names no server: mongodb://HOST/DATABASE\n");
    return 2;
  }
  rehome::bench::Main(uri, argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 50'000);
  return 0;
}
