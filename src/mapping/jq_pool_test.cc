#include "mapping/jq_pool.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "model/extended_json.h"

namespace rehome {
namespace {

constexpr JqLimits kTight{
    .cpu_milliseconds = 20, .memory_bytes = std::size_t{64} << 20U, .result_bytes = 1U << 20U};

JqPool Pool(std::vector<std::string> programs) {
  auto pool = JqPool::Compile(std::move(programs), kTight);
  EXPECT_TRUE(pool.has_value()) << (pool ? "" : pool.error().message);
  return *std::move(pool);
}

Result<Value> Run(std::string program, std::string_view json) {
  return Pool({std::move(program)}).Run(0, ParseExtendedJson(json)->view());
}

std::string Answer(std::string program, std::string_view json) {
  const auto value = Run(std::move(program), json);
  return value ? ToExtendedJson(value->view(), JsonMode::kCanonical) : value.error().message;
}

ErrorCode CodeOf(std::string program) {
  const auto value = Run(std::move(program), R"({"_id": 1})");
  EXPECT_FALSE(value.has_value());
  return value ? ErrorCode::kInternal : value.error().code;
}

TEST(JqPool, GivesBsonOfTheRightType) {
  EXPECT_EQ(Answer(".a + 1", R"({"a": 4})"), R"({"$numberInt":"5"})");
  EXPECT_EQ(Answer(".a * 1000000000000", R"({"a": 4})"), R"({"$numberLong":"4000000000000"})");
  EXPECT_EQ(Answer(".a / 4", R"({"a": 1})"), R"({"$numberDouble":"0.25"})");
  EXPECT_EQ(Answer(".a", R"({"a": {"$numberLong": "9007199254740993"}})"), R"("9007199254740993")");
  EXPECT_EQ(Answer(".a", R"({"a": {"$numberDecimal": "4.90"}})"), R"("4.90")");
  EXPECT_EQ(Answer(".a", R"({"a": {"$oid": "e2666e334bd444020826a7e1"}})"),
            R"({"$oid":"e2666e334bd444020826a7e1"})");
  EXPECT_EQ(Answer("{b: 1, a: [true, null, \"é\\u0000\"]}", R"({})"),
            R"({"a":[true,null,"é\u0000"],"b":{"$numberInt":"1"}})");
}

TEST(JqPool, RefusesWhatIsNotOneValue) {
  EXPECT_EQ(CodeOf("empty"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf("1, 2"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf("error(\"no\")"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf("1, error(\"late\")"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf("nan"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf("[infinite]"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf("{\"$oid\": \"zz\"}"), ErrorCode::kInvalidArgument);
}

TEST(JqPool, RefusesProgramsThatDoNotCompileOrAreImpure) {
  for (const std::string& program :
       std::vector<std::string>{"(", "nosuchfunction", "now", std::string(".\0now", 5)}) {
    const auto pool = JqPool::Compile({".", program}, kTight);
    ASSERT_FALSE(pool.has_value()) << program;
    EXPECT_EQ(pool.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(JqPool, EndsWhatDoesNotEnd) {
  EXPECT_EQ(CodeOf("last(range(1e18))"), ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(CodeOf("def f: f; f"), ErrorCode::kDeadlineExceeded);
}

TEST(JqPool, EndsWhatEatsMemory) {
  for (const char* program :
       {"[range(1e12)]", "def f: [f]; f", "[limit(1e9; repeat(\"x\" * 1000))]"}) {
    const ErrorCode code = CodeOf(program);
    EXPECT_TRUE(code == ErrorCode::kResourceExhausted || code == ErrorCode::kDeadlineExceeded)
        << program;
  }
}

TEST(JqPool, TellsMemoryFromTime) {
  const auto pool =
      JqPool::Compile({"\"x\" | until(false; . + .)"}, {.memory_bytes = std::size_t{32} << 20U});
  ASSERT_TRUE(pool.has_value());
  const auto value = pool->Run(0, ParseExtendedJson("{}")->view());
  ASSERT_FALSE(value.has_value());
  EXPECT_EQ(value.error().code, ErrorCode::kResourceExhausted);
}

TEST(JqPool, WorksOnAfterAProgramWasKilled) {
  const JqPool pool = Pool({"if .loop then last(range(1e18)) else .a end"});
  const Document good = *ParseExtendedJson(R"({"a": 7})");
  const Document bad = *ParseExtendedJson(R"({"loop": true})");
  EXPECT_EQ(*pool.Run(0, good.view()), Value::Int32(7));
  EXPECT_FALSE(pool.Run(0, bad.view()).has_value());
  EXPECT_EQ(*pool.Run(0, good.view()), Value::Int32(7));
}

TEST(JqPool, ServesSeveralThreadsWithSeveralPrograms) {
  const JqPool pool = Pool({".a", ".a + 1"});
  std::vector<std::jthread> threads;
  std::array<int, 4> right{};
  for (std::size_t t = 0; t < right.size(); ++t) {
    threads.emplace_back([&pool, &count = right[t]] {
      for (int i = 0; i < 50; ++i) {
        DocumentBuilder builder;
        const Document source = builder.Int32("a", i).Finish();
        count += *pool.Run(0, source.view()) == Value::Int32(i) &&
                         *pool.Run(1, source.view()) == Value::Int32(i + 1)
                     ? 1
                     : 0;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(right, (std::array{50, 50, 50, 50}));
}

}  // namespace
}  // namespace rehome
