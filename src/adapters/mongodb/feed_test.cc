#include "adapters/mongodb/feed.h"

#include <gtest/gtest.h>

#include <deque>

#include "model/fields.h"
#include "tests/support/scripted_mongodb.h"

namespace rehome::mongodb {
namespace {

constexpr std::uint64_t kSecond = std::uint64_t{1} << 32U;

/// A token as MongoDB makes it: "82", the time, and what comes after.
std::string Token(std::uint64_t time, std::string_view rest = "2B0229296E04") {
  return fmt::format("82{:016X}{}", time, rest);
}

Document Events(std::string_view events, const std::string& token) {
  return Json(fmt::format(
      R"({{"ok":1,"cursor":{{"id":{{"$numberLong":"9"}},"ns":"app.$cmd.aggregate","nextBatch":{},
          "postBatchResumeToken":{{"_data":"{}"}}}}}})",
      events, token));
}

std::string Insert(std::uint64_t time, int id) {
  return fmt::format(
      R"({{"_id":{{"_data":"{}"}},"operationType":"insert","ns":{{"db":"app","coll":"jobs"}},
          "documentKey":{{"_id":{}}}}})",
      Token(time, "01"), id);
}

/// A replica set whose oplog stands at `now_`; `answers_` are what its stream tells, one by one,
/// then nothing more.
class OfAReplicaSet : public ::testing::Test {
 protected:
  OfAReplicaSet() {
    script_.answer = [this](const Document& command, const Document& options) -> Answer<Document> {
      const std::string name((*command.view().begin()).key);
      if (name == "aggregate") {
        opened_.push_back(script_.commands.back());
        place_ = Token(now_ + 1);
        return Events("[]", opened_with_.empty() ? place_ : opened_with_);
      }
      if (name == "getMore") {
        clock_.Advance(Millis{getmore_ms_});
        if (answers_.empty()) {
          return Events("[]", last_);
        }
        const Answer<Document> answer = answers_.front();
        answers_.pop_front();
        return answer;
      }
      if (name == "find") {
        concerns_.push_back(ToExtendedJson(options.view(), JsonMode::kRelaxed));
        return Found("[]");
      }
      if (!tells_time_) {
        return std::unexpected(NothingCame());
      }
      return DocumentBuilder().Int32("ok", 1).Append("operationTime", Timestamp(now_)).Finish();
    };
  }
  std::unique_ptr<ChangeFeed> Open() {
    auto feed = Feed::Open(server_, {"jobs"}, clock_, {});
    EXPECT_TRUE(feed) << feed.error().message;
    return *std::move(feed);
  }

  std::uint64_t now_ = 100 * kSecond + 5;
  std::string place_, last_, opened_with_;
  std::vector<std::string> opened_, concerns_;
  std::deque<Answer<Document>> answers_;
  bool tells_time_ = true;
  int getmore_ms_ = 1;
  ManualClock clock_;
  Script script_;
  std::shared_ptr<Server> server_ = ScriptedServer(script_);
};

TEST_F(OfAReplicaSet, AHeadIsATimeUpToWhichAMajorityHasEverything) {
  const auto head = Open()->Head({});
  ASSERT_TRUE(head) << head.error().message;
  const Places places = ParsePosition(*head).value();
  EXPECT_TRUE(StartsAtTime(places.at(std::string(kWholeDatabase))));
  EXPECT_EQ(TimeOf(places.at(std::string(kWholeDatabase))), now_);
  ASSERT_EQ(concerns_.size(), 1U);
  EXPECT_NE(concerns_[0].find(R"("afterClusterTime":{"$timestamp":{"t":100,"i":5}})"),
            std::string::npos)
      << concerns_[0];
}

TEST_F(OfAReplicaSet, TheFirstWriteAfterAHeadIsNotMissedWhileNoMajorityHasIt) {
  const auto feed = Open();
  const auto head = feed->Head({});
  ++now_;  // written, and not a majority's yet: the stream cannot tell it
  opened_with_ = last_ = Token(now_);
  answers_.emplace_back(Events("[]", Token(now_)));
  answers_.emplace_back(Events("[" + Insert(now_, 1) + "]", Token(now_, "01")));
  last_ = Token(now_ + 1);
  const auto batch = feed->Read(*head, 10, Millis{0}, {});
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_TRUE(batch->caught_up);
  EXPECT_EQ(batch->events.size(), 1U);
}

TEST_F(OfAReplicaSet, AnIdleStreamIsCaughtUpAtOnceAndMovesOn) {
  const auto feed = Open();
  const auto head = feed->Head({});
  last_ = Token(now_ + 3 * kSecond);
  const auto batch = feed->Read(*head, 10, Millis{0}, {});
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_TRUE(batch->caught_up);
  EXPECT_NE(batch->position, *head);
}

TEST_F(OfAReplicaSet, MuchToReadThroughIsReadInSlicesThatAreKept) {
  const auto feed = Open();
  const auto head = feed->Head({});
  now_ += 1000 * kSecond;
  getmore_ms_ = 6'000;
  for (int slice = 1; slice <= 4; ++slice) {
    answers_.emplace_back(Events("[]", Token(200 * kSecond + static_cast<std::uint64_t>(slice))));
  }
  const auto first = feed->Read(*head, 10, Millis{0}, {});
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_FALSE(first->caught_up);
  EXPECT_NE(first->position, *head);
  last_ = Token(now_);
  answers_.clear();
  const auto rest = feed->Read(first->position, 10, Millis{0}, {});
  ASSERT_TRUE(rest) << rest.error().message;
  EXPECT_TRUE(rest->caught_up);
}

TEST_F(OfAReplicaSet, AStreamThatStandsStillIsSaid) {
  const auto feed = Open();
  const auto head = feed->Head({});
  last_ = opened_with_ = Token(now_ + 1);
  now_ += kSecond;
  getmore_ms_ = 6'000;
  const auto batch = feed->Read(*head, 10, Millis{0}, {});
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code, ErrorCode::kDeadlineExceeded);
  last_ = Token(now_ + 1);
  const auto opened = opened_.size();
  EXPECT_TRUE(feed->Read(*head, 10, Millis{0}, {})) << "from the primary of then";
  EXPECT_EQ(opened_.size(), opened + 1);
}

TEST_F(OfAReplicaSet, AnEmptyLookIsNotTheEndWhileNobodyTellsTheTime) {
  const auto feed = Open();
  const auto head = feed->Head({});
  last_ = opened_with_ = Token(now_ + 1);
  now_ += kSecond;  // the stream is behind
  tells_time_ = false;
  const auto batch = feed->Read(*head, 10, Millis{0}, {});
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code, ErrorCode::kUnavailable);
}

TEST_F(OfAReplicaSet, AnAnswerThatTakesLongIsWaitedForTheSecondTime) {
  const auto feed = Open();
  const auto head = feed->Head({});
  EXPECT_EQ(script_.patient_connections, 0);
  last_ = Token(now_ + kSecond);
  answers_.emplace_back(std::unexpected(NothingCame()));
  const auto batch = feed->Read(*head, 10, Millis{0}, {});
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_NE(opened_.back().find("startAtOperationTime"), std::string::npos);
  EXPECT_EQ(script_.patient_connections, 1);
}

}  // namespace
}  // namespace rehome::mongodb
