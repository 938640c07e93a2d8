#include "adapters/http/http_client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/http_test_server.h"

namespace rehome {
namespace {

using testing_support::HttpTestServer;
using testing_support::WireReply;
using testing_support::WireRequest;
using Fault = WireReply::Fault;

HttpRequest Post(std::string url, std::string_view body) {
  return {.method = "POST", .url = std::move(url), .body = body};
}

ErrorCode CodeOfFault(Fault fault, const Call& call = {}) {
  HttpTestServer server([&](const WireRequest&) {
    return WireReply{.status = 200, .body = "half of this", .fault = fault};
  });
  HttpClient client;
  const auto response = client.Send(Post(server.url(), "body"), call);
  return response ? ErrorCode::kInternal : response.error().code;
}

TEST(HttpClient, SendsMethodHeadersAndBodyAndReadsTheAnswer) {
  HttpTestServer server([](const WireRequest& request) {
    return WireReply{.status = 404, .headers = {{"X-Some", " Thing "}}, .body = request.body + "!"};
  });
  HttpClient client;
  const auto response = client.Send({.method = "PATCH",
                                     .url = server.url() + "/a?b=c",
                                     .headers = {{"Api-Key", "k"}},
                                     .body = "hello"},
                                    {});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 404);
  EXPECT_FALSE(response->ok());
  EXPECT_EQ(response->Header("x-some"), "Thing");
  EXPECT_EQ(response->Header("absent"), "");
  EXPECT_EQ(response->body, "hello!");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].method, "PATCH");
  EXPECT_EQ(requests[0].target, "/a?b=c");
  EXPECT_EQ(requests[0].headers.at("api-key"), "k");
  EXPECT_FALSE(requests[0].headers.contains("expect"));
}

TEST(HttpClient, CarriesABodyOfSeveralMegabytesBothWays) {
  HttpTestServer server([](const WireRequest& request) { return WireReply{.body = request.body}; });
  HttpClient client;
  const std::string body(5'000'000, 'x');
  const auto response = client.Send(Post(server.url(), body), {});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, body);
}

TEST(HttpClient, KeepsTheConnectionAndForgetsTheLastRequest) {
  HttpTestServer server([](const WireRequest&) { return WireReply{.body = "ok"}; });
  HttpClient client;
  ASSERT_TRUE(client.Send(
      {.method = "POST", .url = server.url(), .headers = {{"Api-Key", "k"}}, .body = "b"}, {}));
  ASSERT_TRUE(client.Send({.url = server.url()}, {}));
  EXPECT_EQ(server.connection_count(), 1U);
  EXPECT_EQ(server.requests()[1].method, "GET");
  EXPECT_FALSE(server.requests()[1].headers.contains("api-key"));
  EXPECT_EQ(server.requests()[1].body, "");
}

TEST(HttpClient, ServesSeveralThreads) {
  HttpTestServer server(
      [](const WireRequest& request) { return WireReply{.body = request.target}; });
  HttpClient client;
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 25; ++i) {
          const std::string target = "/" + std::to_string(t) + "/" + std::to_string(i);
          const auto response = client.Send({.url = server.url() + target}, {});
          right += response && response->body == target ? 1 : 0;
        }
      });
    }
  }
  EXPECT_EQ(right, 100);
  EXPECT_LE(server.connection_count(), 4U);
}

TEST(HttpClient, LostRepliesAreOutcomeUnknown) {
  EXPECT_EQ(CodeOfFault(Fault::kResetBeforeAnswer), ErrorCode::kOutcomeUnknown);
  EXPECT_EQ(CodeOfFault(Fault::kCutInBody), ErrorCode::kOutcomeUnknown);
  EXPECT_EQ(CodeOfFault(Fault::kHang, {.stop = {}, .timeout = Millis{50}}),
            ErrorCode::kOutcomeUnknown);
}

TEST(HttpClient, AnUnreachableHostIsUnavailable) {
  std::string url;
  {
    const HttpTestServer server([](const WireRequest&) { return WireReply{}; });
    url = server.url();
  }
  HttpClient client;
  const auto response = client.Send({.url = url}, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(response.error().hint.empty());
}

TEST(HttpClient, TlsAgainstAPlainServerIsUnavailable) {
  HttpTestServer server([](const WireRequest&) { return WireReply{}; });
  HttpClient client;
  std::string url = server.url();
  url.replace(0, 4, "https");
  // The server takes the handshake for an endless request line, so the deadline ends it.
  const auto response = client.Send({.url = url}, {.stop = {}, .timeout = Millis{200}});
  ASSERT_FALSE(response);
  EXPECT_TRUE(response.error().code == ErrorCode::kUnavailable ||
              response.error().code == ErrorCode::kDeadlineExceeded);
}

TEST(HttpClient, AStopBeforeOrDuringTheRequestCancels) {
  std::stop_source stop;
  HttpTestServer server([&](const WireRequest&) {
    stop.request_stop();
    return WireReply{.status = 200, .fault = Fault::kHang};
  });
  HttpClient client;
  const auto during = client.Send({.url = server.url()}, {.stop = stop.get_token()});
  ASSERT_FALSE(during);
  EXPECT_EQ(during.error().code, ErrorCode::kCancelled);
  const auto before = client.Send({.url = server.url()}, {.stop = stop.get_token()});
  ASSERT_FALSE(before);
  EXPECT_EQ(before.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(HttpClient, BoundsTheAnswer) {
  HttpTestServer server(
      [](const WireRequest&) { return WireReply{.body = std::string(1001, 'x')}; });
  HttpClient client({.response_bytes_max = 1000});
  const auto response = client.Send({.url = server.url()}, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kFailedPrecondition);
}

TEST(HttpClient, ReadsRetryAfterAsSecondsAndAsDate) {
  HttpTestServer server([](const WireRequest& request) {
    WireReply reply{.status = 429};
    if (request.target == "/seconds") {
      reply.headers["Retry-After"] = "2.5";
    } else if (request.target == "/date") {
      reply.headers["Date"] = "Wed, 21 Oct 2015 07:28:00 GMT";
      reply.headers["Retry-After"] = "Wed, 21 Oct 2015 07:28:07 GMT";
    } else {
      reply.headers["Retry-After"] = "soon";
    }
    return reply;
  });
  HttpClient client;
  const auto retry_after = [&](const std::string& path) {
    const auto response = client.Send({.url = server.url() + path}, {});
    return response ? response->retry_after : Millis{-1};
  };
  EXPECT_EQ(retry_after("/seconds"), Millis{2500});
  EXPECT_EQ(retry_after("/date"), Millis{7000});
  EXPECT_EQ(retry_after("/nonsense"), Millis{0});
}

TEST(HttpClient, RefusesWhatIsNoHttpUrl) {
  HttpClient client;
  for (const char* url : {"", "not a url", "file:///etc/passwd", "ftp://127.0.0.1/"}) {
    const auto response = client.Send({.url = url}, {});
    ASSERT_FALSE(response) << url;
    EXPECT_EQ(response.error().code, ErrorCode::kInvalidArgument) << url;
  }
}

TEST(Url, OriginHidesCredentialsAndQuery) {
  EXPECT_EQ(UrlOrigin("https://user:secret@host.example:8443/path?key=secret"),
            "https://host.example:8443");
  EXPECT_EQ(UrlOrigin("http://host.example"), "http://host.example");
}

TEST(Url, EncodesEverythingButUnreserved) {
  EXPECT_EQ(UrlEncode("aZ0-_.~"), "aZ0-_.~");
  EXPECT_EQ(UrlEncode("a b/c&d%\xC3\xA9"), "a%20b%2Fc%26d%25%C3%A9");
}

}  // namespace
}  // namespace rehome
