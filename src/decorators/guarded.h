#pragma once
// guarded.h — stores whose every write first asks whether it may happen: a runner that lost its
// lease writes nothing more, nor repeats a write. Reads pass.
#include <functional>
#include <utility>

#include "decorators/intercepted.h"

namespace rehome {

class WriteGuard {
 public:
  explicit WriteGuard(std::function<Status()> may_write) : may_write_(std::move(may_write)) {}

  template <class F>
  auto Run(const Operation& operation, const Call& call, F attempt) -> decltype(attempt(call)) {
    if (!operation.writes) {
      return attempt(call);
    }
    REHOME_TRY(may_write_());
    Call guarded = call;
    guarded.may_repeat = may_write_;
    return attempt(guarded);
  }

 private:
  const std::function<Status()> may_write_;
};

using GuardedDocumentStore = InterceptedDocumentStore<WriteGuard>;
using GuardedVectorStore = InterceptedVectorStore<WriteGuard>;
using GuardedNamespaceAliases = InterceptedNamespaceAliases<WriteGuard>;

}  // namespace rehome
