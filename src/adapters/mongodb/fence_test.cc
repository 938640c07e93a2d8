#include "adapters/mongodb/fence.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/support/scripted_mongodb.h"

namespace rehome::mongodb {
namespace {

Document Alone() {
  return Json(R"({"ok":1,"databases":[{"name":"admin"},{"name":"app"},{"name":"local"}]})");
}

/// What the user of the connection may do.
Document May(std::string_view privileges) {
  return Json(fmt::format(R"({{"ok":1,"authInfo":{{"authenticatedUsers":[{{"user":"ann"}}],
                               "authenticatedUserPrivileges":[{}]}}}})",
                          privileges));
}

Document BlockIs(int mode) {
  return Json(
      fmt::format(R"({{"ok":1,"repl":{{"setName":"rs0","userWriteBlockMode":{}}}}})", mode));
}

/// A server that says to each command what `says_` holds for it, and {ok: 1} to the rest.
class Fence : public ::testing::Test {
 protected:
  Fence() {
    script_.answer = [this](const Document& command, const Document&) -> Answer<Document> {
      const auto said = says_.find(std::string((*command.view().begin()).key));
      return said == says_.end() ? Answer<Document>(Json(R"({"ok":1})")) : said->second;
    };
  }

  std::map<std::string, Answer<Document>> says_{
      {"serverStatus", BlockIs(1)}, {"listDatabases", Alone()}, {"listCollections", Found("[]")}};
  Script script_;
  std::shared_ptr<Server> server_ = ScriptedServer(script_);
};

constexpr std::string_view kMayBlock =
    R"({"resource":{"cluster":true},"actions":["serverStatus","setUserWriteBlockMode"]})";
constexpr FenceKind kBlock = FenceKind::kUserWriteBlock;

TEST_F(Fence, ABlockIsNotTakenForLiftedWhileTheServerCannotBeAsked) {
  for (const Failure& failure : {NothingCame(), ServerSays(11'600, "interrupted at shutdown")}) {
    says_.insert_or_assign("serverStatus", std::unexpected(failure));
    const Status lifted = LiftFence(*server_, "jobs", kBlock, Document(), {});
    ASSERT_FALSE(lifted);
    EXPECT_EQ(lifted.error().code, ErrorCode::kUnavailable);
    EXPECT_FALSE(IsFenced(*server_, "jobs", {}));
  }
  says_.insert_or_assign("serverStatus", BlockIs(0));
  EXPECT_EQ(LiftFence(*server_, "jobs", kBlock, Document(), {}).error().code,
            ErrorCode::kUnavailable);
  EXPECT_FALSE(IsFenced(*server_, "jobs", {}));
  EXPECT_EQ(script_.Count("setUserWriteBlockMode"), 0);
}

TEST_F(Fence, ABlockThatTheServerNoLongerTellsOfIsLifted) {
  says_.insert_or_assign("serverStatus", std::unexpected(ServerSays(13, "not authorized")));
  EXPECT_TRUE(LiftFence(*server_, "jobs", kBlock, Document(), {}));
  EXPECT_EQ(script_.Count("setUserWriteBlockMode"), 1);
}

TEST_F(Fence, AnOpenServerIsLeftAlone) {
  EXPECT_TRUE(LiftFence(*server_, "jobs", kBlock, Document(), {}));
  EXPECT_EQ(script_.Count("setUserWriteBlockMode"), 0);
}

TEST_F(Fence, TheWholeServerIsBlockedOnlyWhereNobodyElseIs) {
  const auto may = [&] { return MayBlockUserWrites(*server_).value_or(false); };
  says_.insert_or_assign("connectionStatus", Json(R"({"ok":1,"authInfo":{}})"));
  EXPECT_FALSE(may()) << "nobody is kept out where nobody has to log in";
  says_.insert_or_assign("connectionStatus", May(kMayBlock));
  EXPECT_TRUE(may());
  says_.insert_or_assign("serverStatus", BlockIs(2));
  EXPECT_FALSE(may()) << "somebody else's block";
  says_.insert_or_assign("serverStatus", BlockIs(1));
  says_.insert_or_assign("listDatabases", std::unexpected(ServerSays(13, "not authorized")));
  EXPECT_FALSE(may()) << "a user who is not told of other databases";
  EXPECT_NE(script_.commands.back().find(R"("authorizedDatabases":false)"), std::string::npos);
  says_.insert_or_assign("listDatabases", Alone());
  EXPECT_TRUE(may());
  says_.insert_or_assign(
      "connectionStatus",
      May(R"({"resource":{"db":"app","collection":""},"actions":["setUserWriteBlockMode"]})"));
  EXPECT_FALSE(may()) << "a right that means nothing there";
}

TEST_F(Fence, AValidatorNeedsTheRightForThatCollectionOnly) {
  const auto possible = [&](std::string_view privileges) {
    says_.insert_or_assign("connectionStatus", May(privileges));
    return PossibleFence(*server_, "jobs", {}).value();
  };
  says_.insert_or_assign("collMod", std::unexpected(ServerSays(13, "not authorized")));
  EXPECT_EQ(possible(R"({"resource":{"db":"app","collection":"jobs"},"actions":["collMod"]})"),
            FenceKind::kValidator);
  EXPECT_EQ(possible(R"({"resource":{"db":"","collection":"jobs"},"actions":["collMod"]})"),
            FenceKind::kValidator);
  EXPECT_EQ(possible(R"({"resource":{"db":"app","collection":"other"},"actions":["collMod"]})"),
            FenceKind::kNone);
  EXPECT_EQ(possible(R"({"resource":{"db":"app","collection":"jobs"},"actions":["find"]})"),
            FenceKind::kNone);
  says_.insert_or_assign("collMod", std::unexpected(ServerSays(26, "ns does not exist")));
  EXPECT_EQ(possible(""), FenceKind::kValidator);
  says_.insert_or_assign("collMod", std::unexpected(ServerSays(59, "no such command")));
  EXPECT_EQ(possible(""), FenceKind::kNone);
  says_.insert_or_assign("collMod", std::unexpected(ServerSays(10'107, "not primary")));
  EXPECT_FALSE(PossibleFence(*server_, "jobs", {}));
}

TEST_F(Fence, ACollectionThatIsNotThereIsMadeAndClosed) {
  ASSERT_TRUE(RaiseFence(*server_, "jobs", FenceKind::kValidator, {}));
  EXPECT_EQ(script_.Count("create"), 1);
  EXPECT_EQ(script_.Count("collMod"), 1);
}

TEST_F(Fence, LiftingPutsEverySettingBackThatTheCollectionHad) {
  const std::string_view own =
      R"([{"name":"jobs","options":{"validator":{"n":{"$gt":0}},"validationLevel":"moderate",
          "validationAction":"warn"}}])";
  says_.insert_or_assign("listCollections", Found(own));
  const Document undo = FenceUndo(*server_, "jobs", FenceKind::kValidator, {}).value();
  ASSERT_TRUE(RaiseFence(*server_, "jobs", FenceKind::kValidator, {}));
  EXPECT_EQ(script_.Count("create"), 0) << "it stands, and making one is another right";
  const std::string raised = script_.commands.back();
  EXPECT_NE(raised.find(R"("validationLevel":"strict","validationAction":"error")"),
            std::string::npos)
      << raised;
  says_.insert_or_assign(
      "listCollections",
      Found(R"([{"name":"jobs","options":{"validator":{"$jsonSchema":{"title":"fenced by rehome"}},
                 "validationLevel":"strict","validationAction":"error"}}])"));
  EXPECT_TRUE(IsFenced(*server_, "jobs", {}).value());
  ASSERT_TRUE(LiftFence(*server_, "jobs", FenceKind::kValidator, undo, {}));
  const std::string lifted = script_.commands.back();
  EXPECT_NE(
      lifted.find(
          R"("validator":{"n":{"$gt":0}},"validationLevel":"moderate","validationAction":"warn")"),
      std::string::npos)
      << lifted;
}

}  // namespace
}  // namespace rehome::mongodb
