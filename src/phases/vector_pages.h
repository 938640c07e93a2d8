#pragma once
// vector_pages.h — walks a namespace page by page, so that memory does not grow with it.
#include <string>
#include <utility>
#include <vector>

#include "ports/vector_store.h"

namespace rehome {

/// Calls `each(const std::vector<std::string>& ids) -> Status` with every page of ids that is not
/// empty.
template <class Each>
Status ForEachPage(VectorStore& store, std::string_view ns, const Call& call, const Each& each) {
  std::string token;
  do {
    REHOME_TRY_ASSIGN(IdPage page, store.ListIds(ns, token, call));
    if (!page.ids.empty()) {
      REHOME_TRY(each(page.ids));
    }
    token = std::move(page.next);
  } while (!token.empty());
  return {};
}

}  // namespace rehome
