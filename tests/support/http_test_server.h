#pragma once
// http_test_server.h — an HTTP/1.1 server on a loopback port whose answers a test scripts: the wire
// as a client really sees it, resets and half answers included. One connection at a time per
// thread.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace rehome::testing_support {

struct WireRequest {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

struct WireReply {
  int status = 200;
  std::map<std::string, std::string> headers{};
  std::string body{};
  enum class Fault : std::uint8_t {
    kNone,
    kResetBeforeAnswer,
    kCutInBody,
    kHang
  } fault = Fault::kNone;
};

class HttpTestServer {
 public:
  using Handler = std::function<WireReply(const WireRequest&)>;

  explicit HttpTestServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, generic, bytes) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, generic, &bytes) != 0) {
      throw std::runtime_error("no loopback port for the test server");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  HttpTestServer(const HttpTestServer&) = delete;
  HttpTestServer& operator=(const HttpTestServer&) = delete;
  ~HttpTestServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::scoped_lock lock(mutex_);
      for (const int connection : connections_) {
        ::shutdown(connection, SHUT_RDWR);
      }
    }
    for (auto& worker : workers_) {
      worker.join();
    }
    ::close(listener_);
  }

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// What was asked so far, in order of arrival.
  [[nodiscard]] std::vector<WireRequest> requests() const {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }
  [[nodiscard]] std::size_t connection_count() const {
    const std::scoped_lock lock(mutex_);
    return accepted_;
  }

 private:
  void Accept() {
    for (int connection = ::accept(listener_, nullptr, nullptr); connection >= 0;
         connection = ::accept(listener_, nullptr, nullptr)) {
      const std::scoped_lock lock(mutex_);
      ++accepted_;
      connections_.push_back(connection);
      workers_.emplace_back([this, connection] { Serve(connection); });
    }
  }

  void Serve(int connection) {
    std::string buffer;
    WireRequest request;
    while (ReadRequest(connection, buffer, request)) {
      {
        const std::scoped_lock lock(mutex_);
        requests_.push_back(request);
      }
      if (!Answer(connection, handler_(request))) {
        break;
      }
    }
    const std::scoped_lock lock(mutex_);
    std::erase(connections_, connection);
    ::close(connection);
  }

  static bool ReadMore(int connection, std::string& buffer) {
    char chunk[65536];
    const ssize_t count = ::recv(connection, chunk, sizeof chunk, 0);
    if (count <= 0) {
      return false;
    }
    buffer.append(chunk, static_cast<std::size_t>(count));
    return true;
  }

  static bool ReadRequest(int connection, std::string& buffer, WireRequest& request) {
    std::size_t head_bytes = buffer.find("\r\n\r\n");
    for (; head_bytes == std::string::npos; head_bytes = buffer.find("\r\n\r\n")) {
      if (!ReadMore(connection, buffer)) {
        return false;
      }
    }
    request = {};
    ParseHead(buffer.substr(0, head_bytes + 2), request);
    buffer.erase(0, head_bytes + 4);
    const auto length = request.headers.find("content-length");
    const std::size_t body_bytes = length == request.headers.end() ? 0 : std::stoul(length->second);
    while (buffer.size() < body_bytes) {
      if (!ReadMore(connection, buffer)) {
        return false;
      }
    }
    request.body = buffer.substr(0, body_bytes);
    buffer.erase(0, body_bytes);
    return true;
  }

  static void ParseHead(const std::string& head, WireRequest& request) {
    const std::size_t line_end = head.find("\r\n");
    const std::string line = head.substr(0, line_end);
    const std::size_t first = line.find(' ');
    const std::size_t second = line.find(' ', first + 1);
    request.method = line.substr(0, first);
    request.target = line.substr(first + 1, second - first - 1);
    for (std::size_t at = line_end + 2; at < head.size();) {
      const std::size_t end = head.find("\r\n", at);
      const std::size_t colon = head.find(": ", at);
      std::string name = head.substr(at, colon - at);
      std::ranges::transform(name, name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      });
      request.headers[name] = head.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
  }

  /// False: the connection is finished.
  static bool Answer(int connection, const WireReply& reply) {
    if (reply.fault == WireReply::Fault::kResetBeforeAnswer) {
      const linger at_once{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      return false;
    }
    if (reply.fault == WireReply::Fault::kHang) {
      std::string ignored;
      while (ReadMore(connection, ignored)) {
      }
      return false;
    }
    std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " X\r\n";
    for (const auto& [name, value] : reply.headers) {
      text += name + ": " + value + "\r\n";
    }
    text += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n\r\n";
    const bool cut = reply.fault == WireReply::Fault::kCutInBody;
    text += cut ? reply.body.substr(0, reply.body.size() / 2) : reply.body;
    for (std::string_view rest = text; !rest.empty();) {
      const ssize_t count = ::send(connection, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (count <= 0) {
        return false;
      }
      rest.remove_prefix(static_cast<std::size_t>(count));
    }
    return !cut;
  }

  const Handler handler_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<WireRequest> requests_;  // guarded by mutex_
  std::vector<int> connections_;       // guarded by mutex_; open ones
  std::size_t accepted_ = 0;           // guarded by mutex_
  std::vector<std::thread> workers_;   // guarded by mutex_ until the acceptor has ended
  std::thread acceptor_;
};

}  // namespace rehome::testing_support
