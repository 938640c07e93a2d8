#pragma once
// reads.h — finding documents. Every read is one command, and what its answer could not hold is
// asked for anew after the last _id that it did: no cursor stays open on the server, so nothing is
// lost with a connection.
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/mongodb/server.h"
#include "ports/document_store.h"

namespace rehome::mongodb {

/// At most `limit` documents of `collection` that match `filter`, the first in _id order.
struct FindQuery {
  std::string_view collection;
  Document filter;
  std::size_t limit = 0;
  bool ids_only = false;
  bool in_order = true;     // else any of them, as the server comes upon them
  std::uint64_t after = 0;  // see Server::Read
  Patience patience = Patience::kRequest;
};
struct Page {
  std::vector<Document> documents;
  bool end = false;  // no more match; else there may be: servers cut answers at 16 MiB
};
[[nodiscard]] Result<Page> Find(Server& server, const FindQuery& query, const Call& call);

/// The documents of a range that also match `filter`, in _id order, page by page.
class RangeReader {
 public:
  RangeReader(std::shared_ptr<Server> server, std::string_view collection, IdRange range,
              Document filter, bool ids_only)
      : server_(std::move(server)),
        collection_(collection),
        range_(std::move(range)),
        filter_(std::move(filter)),
        ids_only_(ids_only) {}
  /// At most `limit`; empty: the range is through. kFailedPrecondition: the server orders them
  /// otherwise than MongoDB does, so that pages would miss some.
  [[nodiscard]] Result<std::vector<Document>> Next(std::size_t limit, const Call& call);

 private:
  [[nodiscard]] Status CheckOrder(const std::vector<Document>& page) const;

  const std::shared_ptr<Server> server_;
  const std::string collection_;
  IdRange range_;
  const Document filter_;
  const bool ids_only_;
  bool through_ = false;
};

/// `after`: see Server::Read.
[[nodiscard]] Result<std::vector<std::optional<Document>>> FindByIds(Server& server,
                                                                     std::string_view collection,
                                                                     std::span<const Value> ids,
                                                                     const Call& call,
                                                                     std::uint64_t after = 0);
[[nodiscard]] Result<std::vector<Document>> FindByField(const std::shared_ptr<Server>& server,
                                                        std::string_view collection,
                                                        std::string_view path,
                                                        std::span<const Value> values,
                                                        std::size_t count_max, const Call& call);
[[nodiscard]] Result<std::uint64_t> CountAll(Server& server, std::string_view collection,
                                             const Call& call);
[[nodiscard]] Result<std::vector<IdRange>> SplitById(const std::shared_ptr<Server>& server,
                                                     std::string_view collection,
                                                     std::size_t ranges_max, const Call& call);
[[nodiscard]] std::unique_ptr<DocumentCursor> OpenCursor(std::shared_ptr<Server> server,
                                                         std::string_view collection,
                                                         const IdRange& range, const Call& call);

/// The documents of a reply's cursor.
[[nodiscard]] std::vector<Document> BatchOf(DocumentView reply);

/// `collation: simple`: strings compare by their bytes, whatever the collection's default is.
[[nodiscard]] Document SimpleCollation();

}  // namespace rehome::mongodb
