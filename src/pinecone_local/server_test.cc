#include "pinecone_local/server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/asio.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <filesystem>
#include <thread>
#include <utility>
#include <vector>

#include "base/random.h"

namespace rehome {
namespace {

namespace fs = std::filesystem;
namespace asio = boost::asio;
namespace http = boost::beast::http;

/// One keep-alive connection.
class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(context_) {
    socket_.connect({asio::ip::make_address("127.0.0.1"), port});
  }
  http::response<http::string_body> Send(http::verb verb, const std::string& target,
                                         std::string body = {}) {
    http::request<http::string_body> request(verb, target, 11, std::move(body));
    request.set(http::field::host, "127.0.0.1");
    request.set("Api-Key", "k");
    request.prepare_payload();
    http::write(socket_, request);
    return Read();
  }
  http::response<http::string_body> Read() {
    http::response<http::string_body> response;
    http::read(socket_, buffer_, response);
    return response;
  }
  asio::ip::tcp::socket& socket() { return socket_; }

 private:
  asio::io_context context_;
  asio::ip::tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() : dir_(fs::temp_directory_path() / ("rehome-server-" + RandomHex(8))) {}
  ~ServerTest() override { fs::remove_all(dir_); }
  ServerTest(const ServerTest&) = delete;
  ServerTest& operator=(const ServerTest&) = delete;

  [[nodiscard]] Result<std::unique_ptr<PineconeLocal>> Start(
      PineconeLocalOptions options = {}) const {
    options.dir = dir_;
    return PineconeLocal::Start(std::move(options));
  }
  [[nodiscard]] const fs::path& dir() const { return dir_; }

 private:
  fs::path dir_;
};

std::string Upsert(std::string_view id) {
  return fmt::format(R"({{"vectors":[{{"id":"{}","values":[1,2,3]}}],"namespace":"n"}})", id);
}

TEST_F(ServerTest, ServesManyRequestsOnOneConnection) {
  const auto server = Start().value();
  Client client(server->port());
  for (int i = 0; i < 5; ++i) {
    const auto answer =
        client.Send(http::verb::post, "/vectors/upsert", Upsert(fmt::format("v{}", i)));
    EXPECT_EQ(answer.result_int(), 200U);
    EXPECT_EQ(answer["x-pinecone-request-lsn"], std::to_string(i + 1));
    EXPECT_TRUE(answer.keep_alive());
  }
  EXPECT_EQ(client.Send(http::verb::get, "/vectors/list?namespace=n")["x-pinecone-max-indexed-lsn"],
            "5");
}

TEST_F(ServerTest, ServesSixtyFourConnectionsAtOnce) {
  constexpr int kConnections = 64;
  const auto server = Start().value();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < kConnections; ++i) {
    clients.push_back(std::make_unique<Client>(server->port()));
  }
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kConnections; ++i) {
      threads.emplace_back([client = clients[static_cast<std::size_t>(i)].get(), i] {
        EXPECT_EQ(client->Send(http::verb::post, "/vectors/upsert", Upsert(fmt::format("v{}", i)))
                      .result_int(),
                  200U);
      });
    }
  }
  EXPECT_NE(clients[0]
                ->Send(http::verb::post, "/describe_index_stats", "{}")
                .body()
                .find(R"("totalVectorCount":64)"),
            std::string::npos);
}

TEST_F(ServerTest, AnswersLongRequestLines) {
  const auto server = Start().value();
  Client client(server->port());
  std::string target = "/vectors/fetch?namespace=n";
  for (int i = 0; i < 1000; ++i) {
    target += "&ids=" + std::string(300, 'x') + std::to_string(i);
  }
  EXPECT_EQ(client.Send(http::verb::get, target).result_int(), 200U);
  EXPECT_EQ(client.Send(http::verb::get, target + "&ids=one-more").result_int(), 400U);
}

TEST_F(ServerTest, BoundsBodies) {
  const auto server = Start().value();
  Client client(server->port());
  const auto large = client.Send(http::verb::post, "/vectors/upsert", std::string(3'000'000, ' '));
  EXPECT_EQ(large.result_int(), 400U);
  EXPECT_NE(large.body().find("2MB"), std::string::npos);
  EXPECT_TRUE(large.keep_alive());
  const auto huge = client.Send(http::verb::post, "/vectors/upsert", std::string(17'000'000, ' '));
  EXPECT_EQ(huge.result_int(), 413U);
}

TEST_F(ServerTest, AnswersRubbishAndExpectations) {
  const auto server = Start().value();
  Client rubbish(server->port());
  asio::write(rubbish.socket(), asio::buffer(std::string("\x01\x02 not http\r\n\r\n")));
  EXPECT_EQ(rubbish.Read().result_int(), 400U);
  Client waiting(server->port());
  asio::write(waiting.socket(),
              asio::buffer(std::string("POST /describe_index_stats HTTP/1.1\r\nHost: x\r\n"
                                       "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")));
  EXPECT_EQ(waiting.Read().result_int(), 100U);
  asio::write(waiting.socket(), asio::buffer(std::string("{}")));
  EXPECT_EQ(waiting.Read().result_int(), 200U);
}

TEST_F(ServerTest, StopsWithConnectionsOpenAndServesTheSameFilesAgain) {
  auto server = Start({.index_name = "mine", .dimension = 3}).value();
  Client client(server->port());
  ASSERT_EQ(client.Send(http::verb::post, "/vectors/upsert", Upsert("v")).result_int(), 200U);
  server.reset();
  server = Start().value();
  Client again(server->port());
  EXPECT_NE(again.Send(http::verb::get, "/indexes/mine").body().find(R"("dimension":3)"),
            std::string::npos);
  EXPECT_NE(again.Send(http::verb::get, "/vectors/list?namespace=n").body().find(R"("id":"v")"),
            std::string::npos);
}

TEST_F(ServerTest, RefusesWhatTheStoredIndexIsNot) {
  ASSERT_TRUE(Start({.index_name = "mine", .dimension = 3}));
  EXPECT_EQ(Start({.dimension = 4}).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(Start({.metric = "euclidean"}).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(Start({.index_name = "another"}));  // the one that is there is meant
  EXPECT_EQ(Start({.address = "localhost"}).error().code, ErrorCode::kInvalidArgument);
  const auto server = Start().value();
  EXPECT_EQ(Start().error().code, ErrorCode::kLeaseHeld);
}

TEST_F(ServerTest, RefusesANewIndexUnderANameThatIsNone) {
  EXPECT_EQ(Start({.index_name = "Not A Name", .dimension = 3}).error().code,
            ErrorCode::kInvalidArgument);
}

TEST_F(ServerTest, ReadOnlyOfAMissingDirectoryIsAnEmptyIndexAndLeavesNothing) {
  const auto server = Start({.dimension = 3, .read_only = true}).value();
  Client client(server->port());
  EXPECT_NE(client.Send(http::verb::post, "/describe_index_stats", "{}")
                .body()
                .find(R"("totalVectorCount":0)"),
            std::string::npos);
  EXPECT_EQ(client.Send(http::verb::post, "/vectors/upsert", Upsert("v")).result_int(), 400U);
  EXPECT_FALSE(fs::exists(dir()));
}

}  // namespace
}  // namespace rehome
