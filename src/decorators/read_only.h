#pragma once
// read_only.h — stores that refuse every write: what plan and rehearse see of production.
#include "decorators/intercepted.h"

namespace rehome {

class WriteRefusal {
 public:
  template <class F>
  auto Run(const Operation& operation, const Call& call, F attempt) -> decltype(attempt(call)) {
    if (operation.writes) {
      return Refuse(operation);
    }
    return attempt(call);
  }

 private:
  static std::unexpected<Error> Refuse(const Operation& operation);
};

using ReadOnlyDocumentStore = InterceptedDocumentStore<WriteRefusal>;
using ReadOnlyVectorStore = InterceptedVectorStore<WriteRefusal>;
using ReadOnlyNamespaceAliases = InterceptedNamespaceAliases<WriteRefusal>;

}  // namespace rehome
