#include "adapters/mongodb/writer.h"

#include <gtest/gtest.h>

#include "adapters/mongodb/comparison.h"
#include "model/fields.h"
#include "tests/support/scripted_mongodb.h"

namespace rehome::mongodb {
namespace {

using testing::Test;

/// A server that holds one document and compares whole documents, as MongoDB does. What a majority
/// of it has may be older.
class CompareAndSet : public Test {
 protected:
  CompareAndSet() {
    script_.answer = [this](const Document& command, const Document& options) {
      return Answer(command, options);
    };
  }
  Result<std::vector<WriteResult>> Apply(const Write& write) {
    return Writer(*server_, "jobs", {}, {}).Apply({&write, 1});
  }

  mongodb::Answer<Document> Answer(const Document& command, const Document& options) {
    const std::string name((*command.view().begin()).key);
    if (name == "ping") {
      return DocumentBuilder().Int32("ok", 1).Append("operationTime", Timestamp(7)).Finish();
    }
    if (name == "find") {
      const bool latest =
          DocumentField(options.view(), "readConcern").Find("afterClusterTime").has_value() ||
          options.view().empty();
      const std::optional<Document>& seen = latest ? stands_ : of_majority_;
      return Found(seen ? "[" + ToExtendedJson(seen->view(), JsonMode::kCanonical) + "]" : "[]");
    }
    written_ = true;
    const bool compared = script_.commands.back().find("$$ROOT") != std::string::npos;
    const bool matches =
        compared ? expected_.has_value() && stands_ == expected_ : stands_.has_value();
    return Json(fmt::format(R"({{"ok":1,"n":{}}})", matches && !misses_ ? 1 : 0));
  }

  const Document old_ = Json(R"({"_id":1,"title":"old"})");
  const Document new_ = Json(R"({"_id":1,"title":"new"})");
  const Document theirs_ = Json(R"({"_id":1,"title":"theirs"})");
  std::optional<Document> stands_ = old_;
  std::optional<Document> of_majority_ = old_;
  std::optional<Document> expected_ = old_;  // what the filters name
  bool misses_ = false;                      // the server's own comparison never holds
  bool written_ = false;
  Script script_;
  std::shared_ptr<Server> server_ = ScriptedServer(script_);
};

TEST_F(CompareAndSet, WritesUnderAFilterOverTheWholeDocument) {
  const auto results = Apply(Write::Replace(old_, new_));
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_TRUE(results->front().applied());
  EXPECT_EQ(script_.Count("update"), 1);
  EXPECT_TRUE(script_.transactions.empty());
}

/// The right to pass one is not every user's.
TEST_F(CompareAndSet, PassesAValidatorOnlyWhereOneStands) {
  for (const std::string_view options : {R"({})", R"({"validator":{"a":1}})"}) {
    script_.commands.clear();
    script_.answer = [&](const Document& command, const Document&) -> mongodb::Answer<Document> {
      if ((*command.view().begin()).key == "listCollections") {
        return Found(
            fmt::format(R"([{{"name":"jobs","type":"collection","options":{}}}])", options));
      }
      return Json(R"({"ok":1,"n":1})");
    };
    const Write write = Write::Put(new_);
    ASSERT_TRUE(Writer(*server_, "jobs", {.bypass_fence = true}, {}).Apply({&write, 1}));
    EXPECT_EQ(script_.commands.back().contains("bypassDocumentValidation"),
              options.contains("validator"));
  }
}

TEST_F(CompareAndSet, LooksBeforeOnlyWhereTheFilterMayHoldForOtherBytes) {
  ASSERT_TRUE(Apply(Write::Replace(old_, new_)));
  EXPECT_EQ(script_.Count("find"), 0);
  const Document listed = Json(R"({"_id":1,"list":[5]})");
  stands_ = of_majority_ = Json(R"({"_id":1,"list":[{"$numberLong":"5"}]})");
  expected_ = stands_;  // equal to the server
  const auto results = Apply(Write::Replace(listed, new_));
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_EQ(results->front().found, stands_);
  EXPECT_EQ(script_.Count("find"), 1);
  EXPECT_EQ(script_.Count("update"), 1);  // the first one's
}

TEST_F(CompareAndSet, CommandsStayAsSmallAsTheServerWantsThemWithTheirConditions) {
  std::vector<Write> writes;
  for (std::int32_t id = 1; id <= 4'000; ++id) {
    DocumentBuilder numbers;
    numbers.Int32("_id", id);
    for (char c = 'A'; c <= 'z'; ++c) {
      numbers.Int32(std::string(2, c), id);
    }
    const Document document = numbers.Finish();
    ASSERT_TRUE(ComparisonWith(document).exact);
    writes.push_back(Write::Replace(document, document));
  }
  script_.answer = [](const Document& command, const Document&) {
    EXPECT_LT(command.bytes().size(), 16U << 20U);
    std::int64_t count = 0;
    for (const auto& statement : DocumentField(command.view(), "updates")) {
      count += statement.value.type() == BsonType::kDocument ? 1 : 0;
    }
    return mongodb::Answer<Document>(Json(fmt::format(R"({{"ok":1,"n":{}}})", count)));
  };
  const auto results = Writer(*server_, "jobs", {}, {}).Apply(writes);
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_GT(script_.Count("update"), 1);
  EXPECT_EQ(script_.Count("find"), 0);
}

TEST_F(CompareAndSet, WhatStoodSoBeforeIsNotSaidToBeWritten) {
  stands_ = new_;
  const auto results = Apply(Write::Replace(old_, new_));
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_FALSE(results->front().applied());
  EXPECT_EQ(results->front().found, new_);
  stands_.reset();
  const auto deleted = Apply(Write::Delete(old_));
  ASSERT_TRUE(deleted) << deleted.error().message;
  EXPECT_FALSE(deleted->front().applied());
  EXPECT_EQ(deleted->front().found, std::nullopt);
  EXPECT_TRUE(script_.transactions.empty());
}

TEST_F(CompareAndSet, NeverWritesOverWhatNoMajorityHasYet) {
  stands_ = theirs_;  // acknowledged to nobody or to a w: 1 client; a majority still has `old_`
  const auto results = Apply(Write::Replace(old_, new_));
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_FALSE(results->front().applied());
  EXPECT_EQ(results->front().found, theirs_);
  EXPECT_EQ(script_.Count("update"), 1);  // the filtered one, which matched nothing
}

TEST_F(CompareAndSet, ADocumentThatTheServersComparisonMissesIsWrittenInATransaction) {
  misses_ = true;
  script_.answer = [this](const Document& command, const Document& options) {
    if (!script_.transactions.empty()) {
      EXPECT_TRUE(options.view().empty()) << "a transaction's commands carry no concerns";
      misses_ = false;
    }
    return Answer(command, options);
  };
  const auto results = Apply(Write::Replace(old_, new_));
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_TRUE(results->front().applied());
  EXPECT_EQ(script_.transactions, (std::vector<std::string>{"begin", "commit"}));
}

TEST_F(CompareAndSet, ADocumentThatNoFilterHoldsIsWrittenInATransaction) {
  const std::string much(8U << 20U, 'x');
  const Document large = DocumentBuilder().Int32("_id", 1).String("text", much).Finish();
  stands_ = of_majority_ = large;
  const auto results = Apply(
      Write::Replace(large, DocumentBuilder().Int32("_id", 1).String("text", much + "y").Finish()));
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_TRUE(results->front().applied());
  EXPECT_EQ(script_.transactions, (std::vector<std::string>{"begin", "commit"}));
}

TEST_F(CompareAndSet, ATransactionThatAnotherWriterDisturbsMayBeRepeated) {
  misses_ = true;
  script_.commit_fails = ServerSays(112, "WriteConflict");
  const auto results = Apply(Write::Replace(old_, new_));
  EXPECT_FALSE(results);
  script_.commit_fails = Failure{.origin = Failure::Origin::kServer,
                                 .code = 91,
                                 .message = "shutdown",
                                 .labels = {"UnknownTransactionCommitResult"}};
  const auto unknown = Apply(Write::Replace(old_, new_));
  EXPECT_FALSE(unknown);
}

TEST_F(CompareAndSet, ATransactionWritesNothingOverAnotherDocument) {
  misses_ = true;
  script_.answer = [this](const Document& command, const Document& options) {
    if (script_.transactions.size() == 1) {
      stands_ = theirs_;
    }
    return Answer(command, options);
  };
  const auto results = Apply(Write::Delete(old_));
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_FALSE(results->front().applied());
  EXPECT_EQ(results->front().found, theirs_);
  EXPECT_EQ(script_.transactions, std::vector<std::string>{"begin"});
}

TEST_F(CompareAndSet, AKeyThatLooksLikeAnOperatorIsWrittenAsALiteral) {
  const Document strange = Json(R"({"_id":1,"$set":{"a":1},"b.c":2})");
  ASSERT_TRUE(Apply(Write::Replace(old_, strange)));
  ASSERT_TRUE(Apply(Write::Put(strange)));
  for (const std::string& command : script_.commands) {
    if (command.starts_with("{\"update\"")) {
      EXPECT_NE(command.find(R"("u":[{"$replaceWith":{"$literal":{"_id":1,"$set")"),
                std::string::npos)
          << command;
    }
  }
}

TEST_F(CompareAndSet, ADuplicateKeyIsLookedUpAmongWhatWasWrittenLast) {
  of_majority_.reset();  // the other insert is not a majority's yet
  stands_ = theirs_;
  script_.answer = [this](const Document& command, const Document& options) {
    if ((*command.view().begin()).key == "insert") {
      return mongodb::Answer<Document>(Json(
          R"({"nInserted":0,"writeErrors":[{"index":0,"code":11000,
              "errmsg":"E11000 duplicate key error collection: app.jobs index: _id_ dup key"}]})"));
    }
    return Answer(command, options);
  };
  const auto results = Apply(Write::Insert(new_));
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_EQ(results->front().found, theirs_);
}

}  // namespace
}  // namespace rehome::mongodb
