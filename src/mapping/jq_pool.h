#pragma once
// jq_pool.h — runs jq programs where they can do no harm. libjq cannot be interrupted (`def f: f;
// f` never returns from one call) and aborts when memory runs out, so programs run in child
// processes: forked when first needed, one for each thread that maps at the same time, kept for the
// next call, killed by the kernel at a limit, and forked anew after it. A child has no environment,
// no files but its socket, and ends when its parent does.
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/document.h"

namespace rehome {

/// Limits of one call. CPU time, not wall time: a busy machine makes no document fail. jq cannot
/// wait for anything.
struct JqLimits {
  int cpu_milliseconds = 2000;
  int compile_milliseconds = 2000;  // CPU time of a new child for all programs and jq's own library
  std::size_t memory_bytes = std::size_t{256}
                             << 20U;  // over what the process had when it was forked
  std::size_t result_bytes = std::size_t{16} << 20U;
};

/// Safe to use from several threads.
class JqPool {
 public:
  /// Compiles every program once to judge it. kInvalidArgument with jq's own words, or for what is
  /// impure.
  [[nodiscard]] static Result<JqPool> Compile(std::vector<std::string> programs,
                                              const JqLimits& limits);
  JqPool(JqPool&&) noexcept;
  JqPool& operator=(JqPool&&) noexcept;
  ~JqPool();

  /// The one result of program `index` on `source` as a BSON value: whole numbers int or long,
  /// other numbers double, Extended JSON objects the types they stand for. kInvalidArgument: it
  /// failed, gave no or several results, or one that is no value; kDeadlineExceeded,
  /// kResourceExhausted: it ran past its limits.
  [[nodiscard]] Result<Value> Run(std::size_t index, DocumentView source) const;

 private:
  struct State;
  explicit JqPool(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// What a program is given: relaxed Extended JSON in which int64 and Decimal128 are strings, since
/// jq rounds them.
[[nodiscard]] std::string JqInput(DocumentView source);

}  // namespace rehome
