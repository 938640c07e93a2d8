#include "adapters/mongodb/mongo.h"

#include <fmt/format.h>
#include <mongoc/mongoc.h>

#include "base/c_handle.h"
#include "model/fields.h"

namespace rehome::mongodb {
namespace {

// A write is tried twice by the driver (retryable writes), and before each try it may look for a
// primary. Together that stays below the deadline of one request, 10 s (ports/call.h).
constexpr std::int32_t kSocketTimeoutMs = 3'500;
constexpr std::int32_t kSelectionTimeoutMs = 1'500;
constexpr std::int32_t kConnectTimeoutMs = 1'500;

using Uri = CHandle<mongoc_uri_t, mongoc_uri_destroy>;
using Session = CHandle<mongoc_client_session_t, mongoc_client_session_destroy>;

/// libmongoc is initialised once and never cleaned up: stores may live in statics of tests, and the
/// process ends anyway.
void Initialise() {
  static const bool once = [] {
    mongoc_init();
    mongoc_log_set_handler(nullptr, nullptr);  // what goes wrong is told in errors
    return true;
  }();
  static_cast<void>(once);
}

bson_t Borrowed(const Document& document) {
  bson_t out;
  CHECK(bson_init_static(&out, reinterpret_cast<const std::uint8_t*>(document.bytes().data()),
                         document.bytes().size()));
  return out;
}

std::string BytesOf(const bson_t& document) {
  return {reinterpret_cast<const char*>(bson_get_data(&document)), document.len};
}

/// A reply as the driver fills it.
class Reply {
 public:
  Reply() { bson_init(&bson_); }
  ~Reply() { bson_destroy(&bson_); }
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;
  Reply(Reply&&) = delete;
  Reply& operator=(Reply&&) = delete;
  /// To be filled by one call, which initialises it.
  bson_t* Out() {
    bson_destroy(&bson_);
    return &bson_;
  }
  [[nodiscard]] const bson_t& bson() const { return bson_; }

 private:
  bson_t bson_{};
};

Failure::Origin OriginOf(const bson_error_t& error) {
  switch (static_cast<mongoc_error_domain_t>(error.domain)) {
    case MONGOC_ERROR_STREAM:
    case MONGOC_ERROR_PROTOCOL:
      return Failure::Origin::kNetwork;
    case MONGOC_ERROR_SERVER_SELECTION:
      return Failure::Origin::kSelection;
    case MONGOC_ERROR_SASL:
    case MONGOC_ERROR_SCRAM:
      return Failure::Origin::kAuthentication;
    case MONGOC_ERROR_CLIENT:
      return error.code == MONGOC_ERROR_CLIENT_AUTHENTICATE ? Failure::Origin::kAuthentication
                                                            : Failure::Origin::kDriver;
    case MONGOC_ERROR_SERVER:
    case MONGOC_ERROR_WRITE_CONCERN:
      return Failure::Origin::kServer;
    case MONGOC_ERROR_CURSOR:
    case MONGOC_ERROR_QUERY:
    case MONGOC_ERROR_INSERT:
    case MONGOC_ERROR_BSON:
    case MONGOC_ERROR_MATCHER:
    case MONGOC_ERROR_NAMESPACE:
    case MONGOC_ERROR_COMMAND:
    case MONGOC_ERROR_COLLECTION:
    case MONGOC_ERROR_GRIDFS:
    case MONGOC_ERROR_TRANSACTION:
    case MONGOC_ERROR_CLIENT_SIDE_ENCRYPTION:
    case MONGOC_ERROR_POOL:
      return Failure::Origin::kDriver;
  }
  return Failure::Origin::kDriver;
}

/// The driver's error; where the server answered, its own words.
Failure FailureOf(const bson_error_t& error, const Reply* reply, const Address& address) {
  Failure failure;
  if (reply != nullptr && !bson_empty(&reply->bson())) {
    const std::string bytes = BytesOf(reply->bson());
    failure = ServerFailure(DocumentView(bytes));
  }
  const std::string_view driver = static_cast<const char*>(error.message);
  failure.origin = OriginOf(error);
  failure.code = failure.code == 0 ? static_cast<std::int32_t>(error.code) : failure.code;
  if (failure.message.empty()) {
    failure.message = driver;
  }
  failure.message = address.Scrubbed(std::move(failure.message));
  return failure;
}

class PooledConnection final : public Connection {
 public:
  PooledConnection(mongoc_client_pool_t* pool, const Address& address)
      : pool_(pool), address_(address), client_(mongoc_client_pool_pop(pool)) {}
  PooledConnection(const PooledConnection&) = delete;
  PooledConnection& operator=(const PooledConnection&) = delete;
  PooledConnection(PooledConnection&&) = delete;
  PooledConnection& operator=(PooledConnection&&) = delete;
  ~PooledConnection() override {
    session_.reset();  // belongs to the client
    mongoc_client_pool_push(pool_, client_);
  }

  [[nodiscard]] Answer<Document> Run(std::string_view database, const Document& command,
                                     Traffic traffic, const Document& options) override {
    const bson_t body = Borrowed(command);
    Reply all;
    Reply reply;
    bson_error_t error{};
    if (!FillOptions(options, all, error)) {
      return std::unexpected(FailureOf(error, nullptr, address_));
    }
    if (!Send(std::string(database).c_str(), body, traffic, all.bson(), reply, error)) {
      return std::unexpected(FailureOf(error, &reply, address_));
    }
    Result<Document> document = Document::Parse(BytesOf(reply.bson()));
    if (!document) {
      return std::unexpected(Failure{.origin = Failure::Origin::kNetwork,
                                     .code = 0,
                                     .message = std::move(document).error().message,
                                     .labels = {}});
    }
    return *std::move(document);
  }

  [[nodiscard]] Answer<Document> Insert(std::string_view database, std::string_view collection,
                                        std::span<const Document* const> documents, bool bypass,
                                        const Document& options) override {
    const CHandle<mongoc_collection_t, mongoc_collection_destroy> handle(
        mongoc_client_get_collection(client_, std::string(database).c_str(),
                                     std::string(collection).c_str()));
    Reply all;
    bson_error_t error{};
    if (!FillOptions(options, all, error)) {
      return std::unexpected(FailureOf(error, nullptr, address_));
    }
    const CHandle<mongoc_bulk_operation_t, mongoc_bulk_operation_destroy> bulk(
        mongoc_collection_create_bulk_operation_with_opts(handle.get(), &all.bson()));
    mongoc_bulk_operation_set_bypass_document_validation(bulk.get(), bypass);
    // The server judges what it keeps; the driver would walk every document for it.
    const Document unchecked = DocumentBuilder().Bool("validate", false).Finish();
    const bson_t each = Borrowed(unchecked);
    for (const Document* document : documents) {
      const bson_t borrowed = Borrowed(*document);
      if (!mongoc_bulk_operation_insert_with_opts(bulk.get(), &borrowed, &each, &error)) {
        return std::unexpected(FailureOf(error, nullptr, address_));
      }
    }
    Reply reply;
    const bool done = mongoc_bulk_operation_execute(bulk.get(), reply.Out(), &error) != 0;
    const std::string bytes = BytesOf(reply.bson());
    // Refused documents are an answer; a failure of the whole says nothing about documents.
    const bool refused = OriginOf(error) == Failure::Origin::kServer &&
                         (!DocumentField(DocumentView(bytes), "writeErrors").empty() ||
                          !DocumentField(DocumentView(bytes), "writeConcernErrors").empty());
    Result<Document> said = Document::Parse(bytes);
    if (said && (done || refused)) {
      return *std::move(said);
    }
    return std::unexpected(FailureOf(error, &reply, address_));
  }

  [[nodiscard]] std::optional<Failure> Pin() override {
    bson_error_t error{};
    const CHandle<mongoc_server_description_t, mongoc_server_description_destroy> server(
        mongoc_client_select_server(client_, /*for_writes=*/true, nullptr, &error));
    if (!server) {
      return FailureOf(error, nullptr, address_);
    }
    server_id_ = mongoc_server_description_id(server.get());
    const CHandle<mongoc_session_opt_t, mongoc_session_opts_destroy> options(
        mongoc_session_opts_new());
    mongoc_session_opts_set_causal_consistency(options.get(), false);
    // No session: the server has none.
    session_.reset(mongoc_client_start_session(client_, options.get(), &error));
    return std::nullopt;
  }

 private:
  bool Send(const char* database, const bson_t& body, Traffic traffic, const bson_t& options,
            Reply& reply, bson_error_t& error) {
    switch (traffic) {
      case Traffic::kRead:
        return mongoc_client_read_command_with_opts(client_, database, &body, nullptr, &options,
                                                    reply.Out(), &error);
      case Traffic::kWrite:
        return mongoc_client_write_command_with_opts(client_, database, &body, &options,
                                                     reply.Out(), &error);
      case Traffic::kOther:
        return mongoc_client_command_with_opts(client_, database, &body, nullptr, &options,
                                               reply.Out(), &error);
    }
    return false;
  }

  [[nodiscard]] bool FillOptions(const Document& options, Reply& all, bson_error_t& error) const {
    const bson_t given = Borrowed(options);
    bson_t* out = all.Out();
    bson_copy_to(&given, out);
    if (server_id_) {
      BSON_APPEND_INT32(out, "serverId", static_cast<std::int32_t>(*server_id_));
    }
    return !session_ || mongoc_client_session_append(session_.get(), out, &error);
  }

  mongoc_client_pool_t* const pool_;
  const Address& address_;
  mongoc_client_t* const client_;
  Session session_;
  std::optional<std::uint32_t> server_id_;
};

class DriverPool final : public Pool {
 public:
  DriverPool(CHandle<mongoc_client_pool_t, mongoc_client_pool_destroy> pool, Address address)
      : pool_(std::move(pool)), address_(std::move(address)) {}
  [[nodiscard]] const Address& address() const override { return address_; }
  [[nodiscard]] std::unique_ptr<Connection> Pop() override {
    return std::make_unique<PooledConnection>(pool_.get(), address_);
  }

 private:
  const CHandle<mongoc_client_pool_t, mongoc_client_pool_destroy> pool_;
  const Address address_;
};

void SetTimeouts(mongoc_uri_t* uri) {
  mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, kSocketTimeoutMs);
  mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, kSelectionTimeoutMs);
  mongoc_uri_set_option_as_int32(uri, MONGOC_URI_CONNECTTIMEOUTMS, kConnectTimeoutMs);
  // Repeating a read is decorators/retrying's; a write of the driver's own keeps its number, so
  // that the server applies it once.
  mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYREADS, false);
  mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, true);
}

}  // namespace

Result<std::unique_ptr<Pool>> OpenPool(const Secret& address) {
  Initialise();
  REHOME_TRY_ASSIGN(Address parsed, ParseAddress(address.Reveal()));
  bson_error_t error{};
  const auto refused = [&] {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("the MongoDB address of {} is not understood: {}", parsed.Identity(),
                            parsed.Scrubbed(static_cast<const char*>(error.message))),
                "see the connection string reference of MongoDB's manual");
  };
  const Uri uri(mongoc_uri_new_with_error(address.Reveal().c_str(), &error));
  if (!uri) {
    return refused();
  }
  SetTimeouts(uri.get());
  CHandle<mongoc_client_pool_t, mongoc_client_pool_destroy> pool(
      mongoc_client_pool_new_with_error(uri.get(), &error));
  if (!pool) {
    return refused();
  }
  mongoc_client_pool_set_error_api(pool.get(), MONGOC_ERROR_API_VERSION_2);
  mongoc_client_pool_set_appname(pool.get(), "rehome");
  return std::make_unique<DriverPool>(std::move(pool), std::move(parsed));
}

}  // namespace rehome::mongodb
