#pragma once
// range_scan.h — how phases 2 and 3 go through a collection: cut into key ranges that the journal
// knows, read in batches on producers' threads, written by the calling one or by them. A range's
// checkpoint moves after its batch was written, so a resume meets at most one batch per range again.
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/pump.h"
#include "journal/ranges.h"
#include "phases/session.h"

namespace rehome {

/// Both are borrowed; `Work` is what the reader's thread makes of a batch for the writer.
template <class Work>
class RangeScan {
 public:
  struct Options {
    Phase phase = Phase::kItems;
    DocumentStore& store;  // that is read
    std::string collection;
    std::size_t threads = 0;   // that read beside the calling one
    bool each_writes = false;  // what it read; Write is then called by several threads at once
    std::size_t count_max = 0;
    std::size_t bytes_max = 0;
  };
  using Prepare = std::function<Result<Work>(std::vector<Document> documents)>;
  /// Makes the work durable and may note in `range` what it did; returns how many documents it put
  /// into quarantine. The range's `read` and `reached` are the scan's.
  using Write = std::function<Result<std::uint64_t>(RangeRecord& range, Work work)>;

  RangeScan(Session& session, Ranges& journal, std::vector<RangeRecord> ranges, Options options)
      : session_(session),
        journal_(journal),
        ranges_(std::move(ranges)),
        options_(std::move(options)) {}

  /// `total`: about how many documents there are, for progress.
  Status Run(std::uint64_t total, const Prepare& prepare, const Write& write) {
    total_ = total;
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < ranges_.size(); ++i) {
      done_ += ranges_[i].read;
      if (!ranges_[i].done) {
        open.push_back(i);
      }
    }
    return Pump<Batch>::Run(
        open.size(),
        {.threads = options_.threads,
         .each_consumes = options_.each_writes,
         .scheduler = session_.flow().scheduler},
        session_.call().stop, [&](std::size_t part) { return Open(open[part], prepare); },
        [&](Batch batch) { return Consume(std::move(batch), write); });
  }

  [[nodiscard]] const std::vector<RangeRecord>& ranges() const { return ranges_; }

 private:
  struct Batch {
    std::size_t range = 0;
    std::optional<Work> work;  // absent: the range is at its end
    Value reached;
    std::size_t read = 0;
  };

  Result<typename Pump<Batch>::Source> Open(std::size_t range, const Prepare& prepare) {
    REHOME_TRY_ASSIGN(auto opened, options_.store.Scan(options_.collection, ranges_[range].Rest(),
                                                       session_.call()));
    const std::shared_ptr<DocumentCursor> cursor = std::move(opened);
    return
        [this, &prepare, range, cursor, ended = false]() mutable -> Result<std::optional<Batch>> {
          if (ended) {
            return std::nullopt;
          }
          REHOME_TRY_ASSIGN(auto documents, cursor->Next(options_.count_max, options_.bytes_max));
          Batch batch{.range = range, .work = {}, .reached = {}, .read = documents.size()};
          ended = documents.empty();
          if (!ended) {
            batch.reached = Value(documents.back().Id());
            REHOME_TRY_ASSIGN(batch.work, prepare(std::move(documents)));
          }
          return batch;
        };
  }

  Status Consume(Batch batch, const Write& write) {
    RangeRecord& range = ranges_[batch.range];
    if (!batch.work) {
      range.done = true;
      return journal_.Save(range, session_.finishing_call());
    }
    REHOME_TRY_ASSIGN(const std::uint64_t quarantined, write(range, *std::move(batch.work)));
    range.read += batch.read;
    range.reached = std::move(batch.reached);
    REHOME_TRY(journal_.Save(range, session_.finishing_call()));
    const std::scoped_lock lock(progress_);
    done_ += batch.read;
    quarantined_ += quarantined;
    session_.events().Advanced({.phase = options_.phase,
                                .step = options_.collection,
                                .done = done_,
                                .total = total_,
                                .quarantined = quarantined_});
    return {};
  }

  Session& session_;
  Ranges& journal_;
  std::vector<RangeRecord> ranges_;
  const Options options_;
  std::uint64_t total_ = 0;
  std::mutex progress_;
  std::uint64_t done_ = 0;         // guarded by progress_
  std::uint64_t quarantined_ = 0;  // guarded by progress_
};

}  // namespace rehome
