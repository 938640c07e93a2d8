#pragma once
// load.h — `rehome load`: an application exported by other tools into stores. First every record of
// every file is read and judged and nothing is written if one is broken; then absent records are
// inserted. Repeatable.
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "backup/backup.h"

namespace rehome {

struct LoadRequest {
  std::filesystem::path dir;           // documents/*.json, vectors/vectors_*.jsonl
  DocumentStore* documents = nullptr;  // null: documents are left out
  VectorStore* vectors = nullptr;      // null: vectors are left out
};

struct LoadResult {
  std::map<std::string, WrittenCounts> collections;  // `extra` is not counted
  std::map<std::string, WrittenCounts> namespaces;
  std::vector<std::string> warnings;  // files that are neither
  /// Nothing that differs was found in the stores.
  [[nodiscard]] bool complete() const;
};

/// Document files: one document a line (mongoexport), or one JSON array (mongoexport --jsonArray,
/// also --pretty); canonical or relaxed Extended JSON. Vector files: one Pinecone upsert record a
/// line. kInvalidArgument: broken records, each as FILE:LINE (the first ten); the same `_id` twice,
/// by MongoDB's equality; a vector of another dimension than the others or than the index.
/// kNotFound: there is nothing to load.
[[nodiscard]] Result<LoadResult> LoadApplication(const LoadRequest& request, Clock& clock,
                                                 EventSink& events, const Call& call);

}  // namespace rehome
