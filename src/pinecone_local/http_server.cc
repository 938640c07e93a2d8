#include "pinecone_local/http_server.h"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <exception>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

namespace rehome::pinecone_local {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

/// Room behind a body that the JSON parser may read over.
constexpr std::size_t kBodyPaddingBytes = 128;
/// As much is read at once in search of the header's end.
constexpr std::size_t kHeaderBytesUsual = std::size_t{16} << 10U;

Method ToMethod(http::verb verb) {
  if (verb == http::verb::get) {
    return Method::kGet;
  }
  if (verb == http::verb::post) {
    return Method::kPost;
  }
  if (verb == http::verb::patch) {
    return Method::kPatch;
  }
  return verb == http::verb::delete_ ? Method::kDelete : Method::kOther;
}

/// One connection: read a request, answer it, and again until the peer closes. Lives in its own
/// callbacks.
class Session : public std::enable_shared_from_this<Session> {
 private:
  /// Continues with `next` unless the connection failed.
  auto Then(void (Session::*next)()) {
    return [self = shared_from_this(), next](const beast::error_code& error, std::size_t) {
      if (error) {
        self->OnError(error);
      } else {
        ((*self).*next)();
      }
    };
  }

 public:
  Session(tcp::socket socket, const HttpServer::Options& options,
          const HttpServer::Handler& handler, std::atomic<std::uint64_t>& requests)
      : socket_(std::move(socket)),
        options_(options),
        handler_(handler),
        requests_(requests),
        buffer_(options.header_bytes_max + options.body_bytes_max),
        timer_(socket_.get_executor()) {
    buffer_.reserve(kHeaderBytesUsual);
  }

  void ReadHeader() {
    header_.emplace();
    header_->header_limit(static_cast<std::uint32_t>(options_.header_bytes_max));
    header_->body_limit(options_.body_bytes_max);
    http::async_read_header(socket_, buffer_, *header_, Then(&Session::TakeHeader));
  }

 private:
  void TakeHeader() {
    const auto& message = header_->get();
    request_.method = ToMethod(message.method());
    request_.target = message.target();
    request_.host = message[http::field::host];
    request_.api_key = message["Api-Key"];
    request_.api_version = message["X-Pinecone-Api-Version"];
    keep_alive_ = message.keep_alive();
    if (!beast::iequals(message[http::field::expect], "100-continue")) {
      return ReadBody();
    }
    continue_ = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(socket_, asio::buffer(continue_), Then(&Session::ReadBody));
  }

  /// A body of known length is read to where it stays, in pieces as large as they come.
  void ReadBody() {
    if (header_->chunked()) {
      chunked_.emplace(std::move(*header_));
      return http::async_read(socket_, buffer_, *chunked_, Then(&Session::TakeChunked));
    }
    const auto length = static_cast<std::size_t>(header_->content_length().value_or(0));
    request_.body.reserve(length + kBodyPaddingBytes);
    request_.body.resize_and_overwrite(length, [](char*, std::size_t bytes) { return bytes; });
    body_bytes_ = asio::buffer_copy(asio::buffer(request_.body), buffer_.data());
    buffer_.consume(body_bytes_);
    ReadRest();
  }

  void ReadRest() {
    if (body_bytes_ == request_.body.size()) {
      return Handle();
    }
    socket_.async_read_some(
        asio::buffer(request_.body) + body_bytes_,
        [self = shared_from_this()](const beast::error_code& error, std::size_t bytes) {
          self->body_bytes_ += bytes;
          if (!error) {
            self->ReadRest();
          }
        });
  }

  void TakeChunked() {
    request_.body = std::move(chunked_->get().body());
    request_.body.reserve(request_.body.size() + kBodyPaddingBytes);
    Handle();
  }

  void Handle() {
    HttpResponse answer;
    try {
      answer = handler_(request_);
    } catch (const std::exception& problem) {
      answer = {.status = 500, .content_type = "text/plain", .body = problem.what()};
    }
    Respond(std::move(answer));
  }

  void OnError(const beast::error_code& error) {
    keep_alive_ = false;
    if (error == http::error::body_limit) {
      Respond({.status = 413, .content_type = "text/plain", .body = "Payload too large"});
    } else if (error == http::error::header_limit) {
      Respond({.status = 431, .content_type = "text/plain", .body = "Request header too large"});
    } else if (error.category() == make_error_code(http::error::bad_method).category() &&
               error != http::error::end_of_stream && error != http::error::partial_message) {
      Respond(
          {.status = 400, .content_type = "text/plain", .body = "Bad request: " + error.message()});
    }
  }

  void Respond(HttpResponse answer) {
    response_ = {};
    response_.result(static_cast<unsigned>(answer.status));
    response_.version(11);
    if (!answer.content_type.empty()) {
      response_.set(http::field::content_type, answer.content_type);
    }
    response_.set("x-pinecone-request-id", std::to_string(++requests_));
    if (answer.request_lsn) {
      response_.set("x-pinecone-request-lsn", std::to_string(*answer.request_lsn));
    }
    if (answer.indexed_lsn) {
      response_.set("x-pinecone-max-indexed-lsn", std::to_string(*answer.indexed_lsn));
    }
    if (!answer.retry_after.empty()) {
      response_.set(http::field::retry_after, answer.retry_after);
    }
    response_.body() = std::move(answer.body);
    response_.keep_alive(keep_alive_);
    response_.prepare_payload();
    cut_ = answer.cut;
    if (answer.delay.count() == 0) {
      return Write();
    }
    timer_.expires_after(answer.delay);
    timer_.async_wait([self = shared_from_this()](const beast::error_code&) { self->Write(); });
  }

  void Write() {
    if (cut_ != Cut::kNone) {
      return WriteCut();
    }
    http::async_write(socket_, response_,
                      [self = shared_from_this()](const beast::error_code& error, std::size_t) {
                        if (!error && self->keep_alive_) {
                          self->ReadHeader();
                        } else if (!error) {
                          self->Drain();
                        }
                      });
  }

  /// The header and half of the body, or nothing; then the connection is reset.
  void WriteCut() {
    std::ostringstream header;
    header << response_.base();
    cut_text_ = header.str() + response_.body().substr(0, response_.body().size() / 2);
    const std::size_t bytes = cut_ == Cut::kInBody ? cut_text_.size() : 0;
    asio::async_write(
        socket_, asio::buffer(cut_text_.data(), bytes),
        [self = shared_from_this()](const beast::error_code&, std::size_t) {
          beast::error_code ignored;
          // Closing then sends a reset instead of an end.
          static_cast<void>(self->socket_.set_option(asio::socket_base::linger(true, 0), ignored));
          static_cast<void>(self->socket_.close(ignored));
        });
  }

  /// Closing with unread input would reset the connection and could cost the peer the answer: read
  /// on until it closes.
  void Drain() {
    beast::error_code ignored;
    static_cast<void>(socket_.shutdown(tcp::socket::shutdown_send, ignored));
    buffer_.clear();
    socket_.async_read_some(
        buffer_.prepare(kDrainBytes),
        [self = shared_from_this()](const beast::error_code& error, std::size_t bytes) {
          self->drained_ += bytes;
          if (!error && self->drained_ < kDrainedBytesMax) {
            self->Drain();
          }
        });
  }

  static constexpr std::size_t kDrainBytes = 65'536;
  static constexpr std::size_t kDrainedBytesMax = std::size_t{256} << 20U;

  tcp::socket socket_;
  const HttpServer::Options& options_;
  const HttpServer::Handler& handler_;
  std::atomic<std::uint64_t>& requests_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::empty_body>> header_;
  std::optional<http::request_parser<http::string_body>> chunked_;
  HttpRequest request_;
  std::size_t body_bytes_ = 0;  // of its body that have come
  http::response<http::string_body> response_;
  asio::steady_timer timer_;  // of a slow answer
  Cut cut_ = Cut::kNone;
  std::string cut_text_;
  std::string continue_;
  bool keep_alive_ = true;
  std::size_t drained_ = 0;
};

}  // namespace

struct HttpServer::Impl {
  Impl(const Options& given, Handler handle)
      : options(given), handler(std::move(handle)), acceptor(context) {}

  void Accept() {
    acceptor.async_accept([this](const beast::error_code& error, tcp::socket socket) {
      if (!error) {
        beast::error_code ignored;
        static_cast<void>(socket.set_option(tcp::no_delay(true), ignored));
        std::make_shared<Session>(std::move(socket), options, handler, requests)->ReadHeader();
      }
      if (acceptor.is_open()) {
        Accept();
      }
    });
  }

  // Constant after construction.
  Options options;
  Handler handler;

  std::atomic<std::uint64_t> requests = 0;  // answered: their ids
  asio::io_context context;  // sessions live in its queue and refer to the members above
  tcp::acceptor acceptor;
  std::uint16_t port = 0;
  std::vector<std::jthread> threads;
};

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const Options& options, Handler handler) {
  auto impl = std::make_unique<Impl>(options, std::move(handler));
  beast::error_code error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is not an IP address", options.address));
  }
  try {
    const tcp::endpoint endpoint(address, options.port);
    impl->acceptor.open(endpoint.protocol());
    impl->acceptor.set_option(tcp::acceptor::reuse_address(true));
    impl->acceptor.bind(endpoint);
    impl->acceptor.listen();
    impl->port = impl->acceptor.local_endpoint().port();
  } catch (const boost::system::system_error& problem) {
    return Fail(ErrorCode::kUnavailable,
                fmt::format("cannot listen on {}:{}: {}", options.address, options.port,
                            problem.code().message()),
                "name a free port, or stop what uses it");
  }
  impl->Accept();
  for (std::size_t i = 0; i < options.threads_count; ++i) {
    impl->threads.emplace_back([context = &impl->context] { context->run(); });
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
  impl_->context.stop();
  impl_->threads.clear();
}

std::uint16_t HttpServer::port() const {
  return impl_->port;
}

bool IsLoopback(const std::string& address) {
  beast::error_code error;
  const auto parsed = asio::ip::make_address(address, error);
  return !error && parsed.is_loopback();
}

}  // namespace rehome::pinecone_local
