#include "adapters/pinecone/request_pacer.h"

#include <gtest/gtest.h>

namespace rehome {
namespace {

Result<HttpResponse> Answered(int status, Millis retry_after = Millis{0}) {
  HttpResponse response;
  response.status = status;
  response.retry_after = retry_after;
  return response;
}

class RequestPacerTest : public testing::Test {
 protected:
  Millis Elapsed() { return std::chrono::duration_cast<Millis>(clock_.Steady() - start_); }
  void Send(RequestKind kind, std::string_view ns, double amount = 0, int times = 1,
            int status = 200, Millis retry_after = Millis{0}) {
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(pacer_.Send(kind, ns, amount, {}, [&] { return Answered(status, retry_after); }));
    }
  }

  ManualClock clock_;
  SteadyTime start_ = clock_.Steady();
  RequestPacer pacer_{&clock_};
};

TEST_F(RequestPacerTest, KeepsTheDocumentedRatesOfEachNamespace) {
  Send(RequestKind::kUpsert, "a", 1000, 300);
  EXPECT_GE(Elapsed(), Millis{2850});
  EXPECT_LE(Elapsed(), Millis{3300});
  const Millis before = Elapsed();
  Send(RequestKind::kUpsert, "b", 1000, 10);  // a budget of its own
  EXPECT_EQ(Elapsed(), before);
}

TEST_F(RequestPacerTest, CountsListingsByIndexAndBytesAndRecords) {
  Send(RequestKind::kList, "a", 0, 200);
  Send(RequestKind::kList, "b", 0, 200);
  EXPECT_GE(Elapsed(), Millis{1850});
  Millis before = Elapsed();
  Send(RequestKind::kUpsert, "a", 2e6, 100);  // 200 MB at 50 MB/s
  EXPECT_GE(Elapsed() - before, Millis{3700});
  before = Elapsed();
  Send(RequestKind::kDelete, "a", 1000, 20);  // 20,000 records at 5,000/s
  EXPECT_GE(Elapsed() - before, Millis{3600});
}

TEST_F(RequestPacerTest, Slows429DownWaitsAsLongAsItSaysAndRecovers) {
  Send(RequestKind::kQuery, "a", 0, 1, 429, Millis{5000});
  Send(RequestKind::kQuery, "b", 0, 1);
  EXPECT_EQ(Elapsed(), Millis{0});  // another namespace is not held up
  Send(RequestKind::kQuery, "a", 0, 1);
  EXPECT_GE(Elapsed(), Millis{5000});
  Millis before = Elapsed();
  Send(RequestKind::kQuery, "a", 0, 25);
  EXPECT_GE(Elapsed() - before, Millis{255});  // more slowly than a hundred a second
  Send(RequestKind::kQuery, "a", 0, 100);
  before = Elapsed();
  Send(RequestKind::kQuery, "a", 0, 100);
  EXPECT_LE(Elapsed() - before, Millis{1250});  // as fast as before
}

TEST_F(RequestPacerTest, AStopEndsTheWait) {
  Send(RequestKind::kQuery, "a", 0, 1, 429, Millis{60'000});
  std::stop_source stop;
  stop.request_stop();
  bool sent = false;
  const auto answer = pacer_.Send(RequestKind::kQuery, "a", 0, {.stop = stop.get_token()}, [&] {
    sent = true;
    return Answered(200);
  });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
  EXPECT_FALSE(sent);
}

}  // namespace
}  // namespace rehome
