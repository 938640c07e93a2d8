#pragma once
// world.h — a small application on stores in memory, and sessions that work on it and die.
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "phases/engine.h"
#include "phases/session.h"
#include "plan/plan.h"
#include "ports/silent_sink.h"
#include "sim/faulty_stores.h"
#include "sim/memory_document_store.h"
#include "sim/memory_vector_store.h"

namespace rehome::testing_support {

using sim::Fault;
using sim::Faults;
using sim::MemoryDocumentStore;
using sim::MemoryVectorStore;

/// Time stands still; a lease's renewer waits until it is stopped, everything else that waits does
/// not.
class StillClock final : public Clock {
 public:
  WallTime Now() override;
  SteadyTime Steady() override;
  bool SleepFor(Millis delay, const std::stop_token& stop) override;
  void Advance(Millis by);

 private:
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  static constexpr WallTime kStart{std::chrono::hours{24 * 365 * 50}};
  WallTime now_ = kStart;  // guarded by mutex_
};

/// Everything that outlives a session, by name: documents, indexes and fences of every collection
/// that is not the journal's, vectors, the application's env file, and what the journal says of the
/// run as a whole.
using WorldState = std::map<std::string, std::string>;
/// The first few differences in words; empty: equal.
[[nodiscard]] std::string Differences(const WorldState& expected, const WorldState& found);

struct WorldOptions {
  int workers = 1;
  int quarantine_max = 1;
  bool has_feed = true;
  /// Everything is of one organization: what the application adds to the new side maps back.
  bool one_tenant = false;
  /// Of the vectors: whether what is written shows by now. Absent: at once.
  std::function<bool()> indexes{};
  /// The application's hooks `fence` and `unfence`, each called by its name; absent: it has none.
  std::function<int(const std::string& name)> hook{};
};

class World {
 public:
  explicit World(const WorldOptions& options = {});
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  using Verb = std::function<Status(Session&)>;
  /// Opens a session of a process of its own and lets it work; it dies as `faults` say.
  Status Do(const Verb& verb, std::shared_ptr<Faults> faults = std::make_shared<Faults>());
  [[nodiscard]] WorldState State();

  // The application's own hand, past every fault. A fence refuses it.
  Status PutSource(const Document& document) { return Put("jobs", document); }
  Status PutItem(const Document& document) { return Put("job_items", document); }
  Status Put(std::string_view collection, const Document& document);
  Status Remove(std::string_view collection, const Value& id);
  [[nodiscard]] bool IsFenced(std::string_view collection);
  [[nodiscard]] std::optional<Document> Find(std::string_view collection, const Value& id);

  [[nodiscard]] const Plan& plan() const { return *plan_; }
  [[nodiscard]] StillClock& clock() { return clock_; }
  [[nodiscard]] MemoryDocumentStore& documents() { return *documents_; }
  [[nodiscard]] MemoryVectorStore& vectors() { return *vectors_; }
  [[nodiscard]] Embedder& embedder() { return *embedder_; }

 private:
  [[nodiscard]] Deps DepsWith(const std::shared_ptr<Faults>& faults);
  static void AddBackups(const RunRecord& run, WorldState& out);

  const std::filesystem::path directory_;
  StillClock clock_;
  SilentSink events_;
  std::shared_ptr<MemoryDocumentStore> documents_;
  std::shared_ptr<MemoryVectorStore> vectors_;
  std::shared_ptr<Embedder> embedder_;
  std::unique_ptr<Plan> plan_;
  std::function<int(const std::string&)> hook_;
  std::int64_t processes_ = 0;
};

/// Source document `number`; team "red" and "blue" are tenants, any other team is nobody's.
[[nodiscard]] Document Job(int number, std::string_view client, std::string_view team);

}  // namespace rehome::testing_support
