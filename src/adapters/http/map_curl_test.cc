#include "adapters/http/map_curl.h"

#include <gtest/gtest.h>

namespace rehome {
namespace {

TEST(MapCurl, NamesEveryOutcomeThatWeReactTo) {
  struct Row {
    CURLcode code;
    bool sent;
    ErrorCode expected;
  };
  for (const Row& row : {
           Row{CURLE_COULDNT_RESOLVE_HOST, false, ErrorCode::kUnavailable},
           Row{CURLE_COULDNT_CONNECT, false, ErrorCode::kUnavailable},
           Row{CURLE_PEER_FAILED_VERIFICATION, false, ErrorCode::kUnavailable},
           Row{CURLE_SSL_CONNECT_ERROR, false, ErrorCode::kUnavailable},
           Row{CURLE_OPERATION_TIMEDOUT, false, ErrorCode::kDeadlineExceeded},
           Row{CURLE_OPERATION_TIMEDOUT, true, ErrorCode::kOutcomeUnknown},
           Row{CURLE_SEND_ERROR, false, ErrorCode::kUnavailable},
           Row{CURLE_SEND_ERROR, true, ErrorCode::kOutcomeUnknown},
           Row{CURLE_RECV_ERROR, true, ErrorCode::kOutcomeUnknown},
           Row{CURLE_GOT_NOTHING, true, ErrorCode::kOutcomeUnknown},
           Row{CURLE_PARTIAL_FILE, true, ErrorCode::kOutcomeUnknown},
           Row{CURLE_HTTP2_STREAM, true, ErrorCode::kOutcomeUnknown},
           Row{CURLE_ABORTED_BY_CALLBACK, true, ErrorCode::kCancelled},
           Row{CURLE_UNSUPPORTED_PROTOCOL, false, ErrorCode::kInvalidArgument},
       }) {
    const Error error = MapCurl(row.code, row.sent, "https://host");
    EXPECT_EQ(error.code, row.expected) << curl_easy_strerror(row.code);
    EXPECT_NE(error.message.find("https://host"), std::string::npos);
  }
}

}  // namespace
}  // namespace rehome
