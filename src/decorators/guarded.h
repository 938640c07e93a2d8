#pragma once
// guarded.h — stores whose every write first asks whether it may happen: a runner that lost its
// lease writes nothing more, nor repeats a write. Reads pass.
#include <functional>
#include <utility>

#include "decorators/intercepted.h"

namespace rehome {

class WriteGuard {
 public:
  explicit WriteGuard(std::function<Status(const Call&)> may_write)
      : may_write_(std::move(may_write)) {}

  template <class F>
  auto Run(const Operation& operation, const Call& call, F attempt) -> decltype(attempt(call)) {
    if (!operation.writes) {
      return attempt(call);
    }
    REHOME_TRY(may_write_(call));
    Call guarded = call;
    guarded.may_repeat = [this, &call]() -> Status {
      REHOME_TRY(call.may_repeat ? call.may_repeat() : Status{});
      return may_write_(call);
    };
    return attempt(guarded);
  }

 private:
  const std::function<Status(const Call&)> may_write_;
};

using GuardedDocumentStore = InterceptedDocumentStore<WriteGuard>;
using GuardedVectorStore = InterceptedVectorStore<WriteGuard>;
using GuardedNamespaceAliases = InterceptedNamespaceAliases<WriteGuard>;

}  // namespace rehome
