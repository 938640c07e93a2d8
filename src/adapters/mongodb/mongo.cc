#include "adapters/mongodb/mongo.h"

#include <fmt/format.h>
#include <mongoc/mongoc.h>

#include "adapters/mongodb/cluster_time.h"
#include "base/c_handle.h"
#include "model/fields.h"

namespace rehome::mongodb {
namespace {

// A write is tried twice by the driver (retryable writes), and before each try it may look for a
// primary. Together that stays below the deadline of one request, 10 s (ports/call.h).
constexpr std::int32_t kSocketTimeoutMs = 3'500;
constexpr std::int32_t kSelectionTimeoutMs = 1'500;
constexpr std::int32_t kConnectTimeoutMs = 1'500;
static_assert(kServerTimeMax.count() < kSocketTimeoutMs);
// Cut off earlier, a stream that has far to read would begin again and again. A connection that
// died meanwhile is found by the system's keep-alive.
constexpr std::int32_t kStreamTimeoutMs = 600'000;
constexpr std::uint32_t kConnectionsMax = 100;

using Uri = CHandle<mongoc_uri_t, mongoc_uri_destroy>;
using Session = CHandle<mongoc_client_session_t, mongoc_client_session_destroy>;
using DriverClients = CHandle<mongoc_client_pool_t, mongoc_client_pool_destroy>;

/// libmongoc is initialised once and never cleaned up: stores may live in statics of tests, and the
/// process ends anyway.
void Initialise() {
  static const bool once = [] {
    mongoc_log_set_handler(nullptr, nullptr);  // what goes wrong is told in errors
    mongoc_init();
    return true;
  }();
  static_cast<void>(once);
}

/// In place: it points into itself and must not be copied.
void Borrow(const Document& document, bson_t& out) {
  CHECK(bson_init_static(&out, reinterpret_cast<const std::uint8_t*>(document.bytes().data()),
                         document.bytes().size()));
}

/// As the driver takes many. A container over bson_t would lose its alignment.
class BorrowedBatch {
 public:
  explicit BorrowedBatch(std::span<const Document* const> documents)
      : bodies_(new bson_t[documents.size()]), pointers_(new const bson_t*[documents.size()]) {
    for (std::size_t i = 0; i < documents.size(); ++i) {
      Borrow(*documents[i], bodies_[i]);
      pointers_[i] = &bodies_[i];
    }
  }
  ~BorrowedBatch() {
    delete[] pointers_;
    delete[] bodies_;
  }
  BorrowedBatch(const BorrowedBatch&) = delete;
  BorrowedBatch& operator=(const BorrowedBatch&) = delete;
  BorrowedBatch(BorrowedBatch&&) = delete;
  BorrowedBatch& operator=(BorrowedBatch&&) = delete;
  [[nodiscard]] const bson_t** data() const { return pointers_; }

 private:
  bson_t* const bodies_;
  const bson_t** const pointers_;
};

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
  failure.message = address.Scrubbed(failure.message);
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
    bson_t body;
    Borrow(command, body);
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
    // The server judges what it keeps; the driver would walk every document for it.
    DocumentBuilder wanted;
    for (const auto& [key, value] : options.view()) {
      wanted.Append(key, value);
    }
    wanted.Bool("validate", false).Bool("bypassDocumentValidation", bypass);
    Reply all;
    bson_error_t error{};
    StartSession(error);  // the driver's summary leaves out when it was: a session remembers
    if (!FillOptions(wanted.Finish(), all, error)) {
      return std::unexpected(FailureOf(error, nullptr, address_));
    }
    const BorrowedBatch batch(documents);
    Reply reply;
    const bool done = mongoc_collection_insert_many(handle.get(), batch.data(), documents.size(),
                                                    &all.bson(), reply.Out(), &error);
    const std::string bytes = BytesOf(reply.bson());
    // Refused documents are an answer; a failure of the whole says nothing about documents.
    const bool refused = OriginOf(error) == Failure::Origin::kServer &&
                         (!DocumentField(DocumentView(bytes), "writeErrors").empty() ||
                          !DocumentField(DocumentView(bytes), "writeConcernErrors").empty());
    Result<Document> said = Document::Parse(bytes);
    if (said && (done || refused)) {
      return WithOperationTime(*said);
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
    StartSession(error);  // none: the server has none
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Failure> Begin() override {
    bson_error_t error{};
    StartSession(error);
    const CHandle<mongoc_read_concern_t, mongoc_read_concern_destroy> reads(
        mongoc_read_concern_new());
    const CHandle<mongoc_write_concern_t, mongoc_write_concern_destroy> writes(
        mongoc_write_concern_new());
    const CHandle<mongoc_transaction_opt_t, mongoc_transaction_opts_destroy> concerns(
        mongoc_transaction_opts_new());
    mongoc_read_concern_set_level(reads.get(), MONGOC_READ_CONCERN_LEVEL_SNAPSHOT);
    mongoc_write_concern_set_wmajority(writes.get(),
                                       static_cast<std::int32_t>(kServerTimeMax.count()));
    mongoc_transaction_opts_set_read_concern(concerns.get(), reads.get());
    mongoc_transaction_opts_set_write_concern(concerns.get(), writes.get());
    if (session_ &&
        mongoc_client_session_start_transaction(session_.get(), concerns.get(), &error)) {
      return std::nullopt;
    }
    return FailureOf(error, nullptr, address_);
  }

  [[nodiscard]] Answer<Document> Commit() override {
    Reply reply;
    bson_error_t error{};
    if (!mongoc_client_session_commit_transaction(session_.get(), reply.Out(), &error)) {
      return std::unexpected(FailureOf(error, &reply, address_));
    }
    return WithOperationTime(Document());
  }

 private:
  void StartSession(bson_error_t& error) {
    const CHandle<mongoc_session_opt_t, mongoc_session_opts_destroy> options(
        mongoc_session_opts_new());
    mongoc_session_opts_set_causal_consistency(options.get(), false);
    session_.reset(mongoc_client_start_session(client_, options.get(), &error));
  }

  [[nodiscard]] Document WithOperationTime(const Document& answer) const {
    std::uint32_t seconds = 0;
    std::uint32_t count = 0;
    if (session_) {
      mongoc_client_session_get_operation_time(session_.get(), &seconds, &count);
    }
    if (seconds == 0) {
      return answer;
    }
    DocumentBuilder out;
    for (const auto& [key, value] : answer.view()) {
      out.Append(key, value);
    }
    return out.Append(kOperationTime, Timestamp((std::uint64_t{seconds} << 32U) | count)).Finish();
  }

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
    bson_t given;
    Borrow(options, given);
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
  DriverPool(DriverClients requests, DriverClients streams, Address address)
      : requests_(std::move(requests)),
        streams_(std::move(streams)),
        address_(std::move(address)) {}
  [[nodiscard]] const Address& address() const override { return address_; }
  [[nodiscard]] std::unique_ptr<Connection> Pop(Patience patience) override {
    const DriverClients& clients = patience == Patience::kRequest ? requests_ : streams_;
    return std::make_unique<PooledConnection>(clients.get(), address_);
  }

 private:
  // A connection's patience is its pool's. Neither reaches for a server before it is asked to.
  const DriverClients requests_;
  const DriverClients streams_;
  const Address address_;
};

/// What the address says about this is for applications; a run depends on it.
void SetWhatARunNeeds(mongoc_uri_t* uri, Patience patience) {
  mongoc_uri_set_option_as_int32(
      uri, MONGOC_URI_SOCKETTIMEOUTMS,
      patience == Patience::kRequest ? kSocketTimeoutMs : kStreamTimeoutMs);
  const CHandle<mongoc_read_prefs_t, mongoc_read_prefs_destroy> primary(
      mongoc_read_prefs_new(MONGOC_READ_PRIMARY));
  mongoc_uri_set_read_prefs_t(uri, primary.get());
  // Waiting for a free connection of our own ends by itself.
  mongoc_uri_set_option_as_int32(uri, MONGOC_URI_WAITQUEUETIMEOUTMS, 0);
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
  const auto open = [&](Patience patience) -> Result<DriverClients> {
    bson_error_t error{};
    const Uri uri(mongoc_uri_new_with_error(address.Reveal().c_str(), &error));
    DriverClients clients;
    if (uri) {
      SetWhatARunNeeds(uri.get(), patience);
      clients.reset(mongoc_client_pool_new_with_error(uri.get(), &error));
    }
    if (!clients &&
        OriginOf(error) != Failure::Origin::kDriver) {  // mongodb+srv asks a name server
      Failure failure = FailureOf(error, nullptr, parsed);
      failure.origin = Failure::Origin::kSelection;
      return std::unexpected(ToError(failure, "opening " + parsed.Identity(), Effect::kReads));
    }
    if (!clients) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("the MongoDB address of {} is not understood: {}", parsed.Identity(),
                              parsed.Scrubbed(static_cast<const char*>(error.message))),
                  "see the connection string reference of MongoDB's manual");
    }
    mongoc_client_pool_max_size(clients.get(), kConnectionsMax);
    mongoc_client_pool_set_error_api(clients.get(), MONGOC_ERROR_API_VERSION_2);
    mongoc_client_pool_set_appname(clients.get(), "rehome");
    return clients;
  };
  REHOME_TRY_ASSIGN(DriverClients requests, open(Patience::kRequest));
  REHOME_TRY_ASSIGN(DriverClients streams, open(Patience::kStream));
  return std::make_unique<DriverPool>(std::move(requests), std::move(streams), std::move(parsed));
}

}  // namespace rehome::mongodb
