#pragma once
// writer.h — writes in order, one result each. Neighbours of one kind go out as one command; what
// conflicts is read back.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/mongodb/server.h"
#include "ports/document_store.h"

namespace rehome::mongodb {

/// kInvalidArgument: a document that MongoDB cannot hold; nothing was written then.
[[nodiscard]] Status CheckWrites(std::string_view name, std::span<const Write> writes);

class Writer {
 public:
  Writer(Server& server, std::string_view collection, const WriteOptions& options, const Call& call)
      : server_(server),
        collection_(collection),
        name_(server.Name(collection)),
        options_(options),
        call_(call) {}

  [[nodiscard]] Result<std::vector<WriteResult>> Apply(std::span<const Write> writes);

 private:
  /// Writes of one kind with different ids, few enough for one command.
  using Run = std::span<const Write>;
  using Results = std::span<WriteResult>;

  [[nodiscard]] Status ApplyRun(Run run, Results results);
  [[nodiscard]] Status Insert(Run run, Results results);
  [[nodiscard]] Status Put(Run run, Results results);
  /// A write of a run under a filter that holds only while what it expects stands; empty: none can.
  struct Comparing {
    std::size_t position = 0;
    Document filter;
  };

  /// kReplace and kDelete: written under such a filter. Where that alone is not exact, what stands is
  /// read before and compared byte for byte.
  [[nodiscard]] Status CompareAndSet(Run run, Results results);
  [[nodiscard]] Result<bool> ScansForComparison(const Capabilities& server);
  [[nodiscard]] Status DropUnequal(Run run, Results results, std::vector<Comparing>& writes);
  /// In one command.
  [[nodiscard]] Status SetMany(Run run, Results results, std::span<const Comparing> writes);
  /// Of the writes at `positions` the server made `matched`.
  [[nodiscard]] Status SortOut(Run run, Results results, std::span<const std::size_t> positions,
                               std::int64_t matched);
  [[nodiscard]] Status SetOneByOne(Run run, Results results, std::span<const std::size_t> equal);
  [[nodiscard]] Status SetInTransaction(const Write& write, WriteResult& result);
  [[nodiscard]] Status SetAfterALook(Run one, Results result);
  /// As this call's options want it.
  [[nodiscard]] Document Command(DocumentBuilder command) const;
  [[nodiscard]] Document ById(const Write& write) const;
  [[nodiscard]] Result<Document> Send(DocumentBuilder command);
  /// Marks the writes that a reply's errors name as conflicts and reads what stands there.
  [[nodiscard]] Status TakeErrors(DocumentView reply, Run run, Results results,
                                  std::span<const std::size_t> positions);
  [[nodiscard]] Status ReadBack(Run run, Results results);
  /// What stands in the place of those at `positions`. `after`: see Server::Read.
  [[nodiscard]] Result<std::vector<std::optional<Document>>> Stored(
      Run run, std::span<const std::size_t> positions, std::uint64_t after = 0);
  [[nodiscard]] Error Refused(DocumentView error);

  Server& server_;
  const std::string collection_;
  const std::string name_;
  const WriteOptions options_;
  bool bypasses_ = false;  // there is a validator, which the options want to be passed
  const Call call_;
};

}  // namespace rehome::mongodb
