#include "adapters/mongodb/failure.h"

#include <gtest/gtest.h>

namespace rehome::mongodb {
namespace {

Error FromCode(std::int32_t code, std::string message, Effect effect = Effect::kWrites) {
  return ToError({.origin = Failure::Origin::kServer,
                  .code = code,
                  .message = std::move(message),
                  .labels = {}},
                 "writing to app.jobs", effect);
}

TEST(Failure, MeansWhatCallersReactTo) {
  struct Case {
    std::int32_t code;
    ErrorCode expected;
  };
  for (const Case& c : {Case{13, ErrorCode::kUnauthenticated},
                        {18, ErrorCode::kUnauthenticated},
                        {24, ErrorCode::kUnavailable},
                        {50, ErrorCode::kOutcomeUnknown},
                        {64, ErrorCode::kOutcomeUnknown},
                        {91, ErrorCode::kUnavailable},
                        {121, ErrorCode::kFailedPrecondition},
                        {112, ErrorCode::kUnavailable},
                        {175, ErrorCode::kUnavailable},
                        {189, ErrorCode::kUnavailable},
                        {237, ErrorCode::kUnavailable},
                        {251, ErrorCode::kUnavailable},
                        {280, ErrorCode::kFailedPrecondition},
                        {286, ErrorCode::kFailedPrecondition},
                        {10107, ErrorCode::kUnavailable},
                        {10334, ErrorCode::kInvalidArgument},
                        {11000, ErrorCode::kAlreadyExists},
                        {13435, ErrorCode::kUnavailable},
                        {14031, ErrorCode::kResourceExhausted},
                        {40573, ErrorCode::kFailedPrecondition},
                        {987'654, ErrorCode::kFailedPrecondition}}) {
    const Error error = FromCode(c.code, "it says so");
    EXPECT_EQ(error.code, c.expected) << c.code;
    EXPECT_NE(error.message.find("app.jobs"), std::string::npos);
    EXPECT_NE(error.message.find("it says so"), std::string::npos);
  }
}

TEST(Failure, AlwaysNamesANextStep) {
  for (const std::int32_t code : {13, 18, 50, 64, 91, 121, 189, 280, 286, 10'107, 10'334, 11'000,
                                  13'435, 14'031, 40'573, 987'654}) {
    EXPECT_FALSE(FromCode(code, "no").hint.empty()) << code;
  }
}

TEST(Failure, ALostPositionNamesTheSweep) {
  for (const std::int32_t code : {136, 260, 280, 286, 40'576, 40'585}) {
    EXPECT_NE(FromCode(code, "lost", Effect::kReads).hint.find("--sweep"), std::string::npos);
  }
}

TEST(Failure, NamesThePrivilegeThatIsMissing) {
  const auto hint = [](std::string_view command) {
    return FromCode(13, "not authorized on app to execute command { " + std::string(command)).hint;
  };
  EXPECT_EQ(hint("insert: \"jobs\", ordered: false }"), "grant the user `insert` on the database");
  EXPECT_EQ(hint("aggregate: \"jobs\", pipeline: [ { $group: {} } ] }"),
            "grant the user `find` on the collection");
  EXPECT_EQ(hint("aggregate: 1, pipeline: [ { $changeStream: {} } ] }"),
            "grant the user `changeStream` and `find` on the database");
  EXPECT_EQ(hint("update: \"jobs\", updates: [ { q: {}, u: {}, upsert: true } ] }"),
            "grant the user `update` and `insert` on the database");
  EXPECT_EQ(hint("collMod: \"jobs\" }"), "grant the user `collMod` on the database");
  EXPECT_EQ(hint("createIndexes: \"jobs\" }"), "grant the user `createIndex` on the collection");
}

TEST(Failure, NamesAPrivilegeOfTheCluster) {
  EXPECT_EQ(
      FromCode(13, "not authorized on admin to execute command { setUserWriteBlockMode: 1 }").hint,
      "grant the user `setUserWriteBlockMode` on the cluster");
}

TEST(Failure, NamesTheRightToPassAValidator) {
  EXPECT_EQ(FromCode(13,
                     "not authorized on app to execute command { update: \"jobs\", updates: [ "
                     "{} ], bypassDocumentValidation: true }")
                .hint,
            "grant the user `update` and `bypassDocumentValidation` on the collection");
}

TEST(Failure, ARefusedRightShowsNoDocument) {
  const Error error = FromCode(
      13,
      "not authorized on app to execute command { update: \"jobs\", updates: [ { u: { name: "
      "\"Ann\" } } ] }");
  EXPECT_NE(error.message.find("update: \"jobs\""), std::string::npos);
  EXPECT_EQ(error.message.find("Ann"), std::string::npos);
}

TEST(Failure, AnAddressWithoutAUserIsToldToNameOne) {
  for (const std::string_view said :
       {"command find requires authentication", "Command aggregate requires authentication"}) {
    const Error error = FromCode(13, std::string(said));
    EXPECT_EQ(error.code, ErrorCode::kUnauthenticated);
    EXPECT_NE(error.hint.find("USER:PASSWORD@"), std::string::npos) << error.hint;
  }
}

TEST(Failure, ALostReplyOfAWriteIsAnUnknownOutcome) {
  const Failure broken{
      .origin = Failure::Origin::kNetwork, .code = 4, .message = "reset", .labels = {}};
  EXPECT_EQ(ToError(broken, "x", Effect::kWrites).code, ErrorCode::kOutcomeUnknown);
  EXPECT_EQ(ToError(broken, "x", Effect::kReads).code, ErrorCode::kUnavailable);
}

TEST(Failure, RetryableLabelsOfUnknownCodesMayBeRepeated) {
  for (const std::string label : {"RetryableWriteError", "UnknownTransactionCommitResult"}) {
    const Failure labelled{
        .origin = Failure::Origin::kServer, .code = 987'654, .message = "later", .labels = {label}};
    EXPECT_EQ(ToError(labelled, "x", Effect::kWrites).code, ErrorCode::kOutcomeUnknown) << label;
  }
}

TEST(Failure, SaysWhyNoServerCouldBeUsed) {
  const auto of = [](std::string message) {
    return ToError({.origin = Failure::Origin::kSelection,
                    .code = 13'053,
                    .message = std::move(message),
                    .labels = {}},
                   "connecting", Effect::kReads);
  };
  EXPECT_EQ(of("No suitable servers found: [connection refused calling hello on 'h:1']").code,
            ErrorCode::kUnavailable);
  EXPECT_NE(of("[Failed to resolve 'nohost']").hint.find("host name"), std::string::npos);
  EXPECT_NE(of("[TLS handshake failed: certificate verify failed]").hint.find("tlsCAFile"),
            std::string::npos);
  EXPECT_NE(of("[connection closed calling hello on 'h:1']").hint.find("TLS"), std::string::npos);
}

TEST(Failure, AHostsNameSaysNothingAboutWhatIsWrong) {
  const Failure failure{.origin = Failure::Origin::kSelection,
                        .code = 13053,
                        .message =
                            "No suitable servers found: [connection refused calling hello on "
                            "'authenticating-TLS-db:27017']",
                        .labels = {}};
  const Error error = ToError(failure, "connecting", Effect::kReads);
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_TRUE(error.hint.contains("host and port")) << error.hint;
}

TEST(Failure, AWriteThatTheServerGaveUpMayHaveBeenMade) {
  const std::string said = "operation exceeded time limit";
  EXPECT_EQ(FromCode(50, said, Effect::kWrites).code, ErrorCode::kOutcomeUnknown);
  EXPECT_EQ(FromCode(50, said, Effect::kReads).code, ErrorCode::kDeadlineExceeded);
}

TEST(Failure, FindsTheIndexThatADuplicateIsAbout) {
  EXPECT_EQ(IndexOfDuplicate(
                "E11000 duplicate key error collection: app.jobs index: by n dup key: { n: 1 }"),
            "by n");
  EXPECT_EQ(IndexOfDuplicate("E11000 duplicate key error index: app.jobs.$by_n dup key: { : 1 }"),
            "by_n");
  EXPECT_EQ(IndexOfDuplicate("E11000 duplicate key error collection: app.jobs index: a_1 "
                             "collation: { locale: \"en\" } dup key: { a: \"0x\" }"),
            "a_1");
  EXPECT_EQ(IndexOfDuplicate(""), "");
}

TEST(Failure, AWriteThatNoMajorityConfirmedIsUnknown) {
  const Document error =
      DocumentBuilder().Int32("code", 64).String("errmsg", "waiting timed out").Finish();
  const Error unconfirmed = WriteConcernError(error.view(), "writing to app.jobs");
  EXPECT_EQ(unconfirmed.code, ErrorCode::kOutcomeUnknown);
  EXPECT_NE(unconfirmed.message.find("waiting timed out"), std::string::npos);
}

}  // namespace
}  // namespace rehome::mongodb
