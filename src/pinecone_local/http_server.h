#pragma once
// http_server.h — HTTP/1.1 with keep-alive on one port. The only user of Boost.Beast is
// http_server.cc.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "pinecone_local/http_message.h"

namespace rehome::pinecone_local {

class HttpServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;         // 0: any free one
    std::size_t threads_count = 8;  // requests handled at a time; connections are not bound to them
    std::size_t header_bytes_max = std::size_t{1}
                                   << 20U;  // 1,000 ids of 512 bytes fit a request line
    std::size_t body_bytes_max = std::size_t{16}
                                 << 20U;  // beyond it: 413 and the connection is closed
  };
  /// Called from several threads at once; what it throws is a 500.
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  /// Binds and serves. kUnavailable: the address is taken or not this machine's.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> Start(const Options& options,
                                                                 Handler handler);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  /// Lets running handlers finish, closes every connection, joins.
  ~HttpServer();
  [[nodiscard]] std::uint16_t port() const;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// True if only this machine reaches what listens on `address`; false if it is no address.
[[nodiscard]] bool IsLoopback(const std::string& address);

}  // namespace rehome::pinecone_local
