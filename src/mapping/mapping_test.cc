#include "mapping/mapping.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "base/atomic_file.h"
#include "base/random.h"
#include "model/extended_json.h"
#include "plan/load.h"
#include "tests/support/field_rules.h"
#include "tests/support/json.h"

namespace rehome {
namespace {

using testing_support::Copy;
using testing_support::Json;

std::optional<std::string> NoEnvironment(const std::string& /*name*/) {
  return std::nullopt;
}

Plan Portfolio() {
  const auto loaded =
      LoadPlan(std::string(REHOME_SOURCE_DIR) + "/plans/portfolio.yaml", {}, NoEnvironment);
  CHECK(loaded.has_value() && loaded->plan.has_value());
  return *loaded->plan;
}

FieldPath Path(std::string_view text) {
  return *ParseFieldPath(text);
}

FieldRule Jq(std::string program) {
  FieldRule rule;
  rule.kind = FieldRule::Kind::kJq;
  rule.jq = std::move(program);
  return rule;
}

/// Two organizations with a profile each, everything to the first, one field `f` by `rule`.
Plan PlanWith(FieldRule rule) {
  Plan plan;
  plan.tenants.organizations = {{"org_a", "a", {}}, {"org_b", "b", {}}};
  plan.tenants.profiles = {{"prof_a", "org_a", {}}, {"prof_b", "org_b", {}}};
  plan.tenants.assign = {{std::monostate{}, {"org_a", "prof_a"}, {}}};
  plan.items.id = "port_{_id}";
  plan.items.fields = {{"f", std::move(rule)}};
  plan.index.text = "{f}";
  plan.index.metadata = {"f"};
  return plan;
}

Mapper MapperOf(const Plan& plan) {
  auto mapper = Mapper::Compile(plan);
  EXPECT_TRUE(mapper.has_value()) << (mapper ? "" : mapper.error().message);
  return *std::move(mapper);
}

/// Field `f` of the item as canonical Extended JSON, or the reason it has none.
std::string Field(FieldRule rule, std::string_view source) {
  const Plan plan = PlanWith(std::move(rule));
  const Mapped mapped = MapperOf(plan).Map(Json(source).view());
  if (const auto* refused = std::get_if<Unmappable>(&mapped)) {
    return std::string(Name(refused->reason)) + ": " + refused->detail;
  }
  return ToExtendedJson(*std::get<Item>(mapped).document.Find("f"), JsonMode::kCanonical);
}

QuarantineReason ReasonOf(const Plan& plan, std::string_view source) {
  const Mapped mapped = MapperOf(plan).Map(Json(source).view());
  CHECK(std::holds_alternative<Unmappable>(mapped));
  EXPECT_FALSE(std::get<Unmappable>(mapped).detail.empty());
  return std::get<Unmappable>(mapped).reason;
}

TEST(Mapping, BuildsAnItemInThePlansOrderAndKeepsTheIdsBytes) {
  const Plan plan = Portfolio();
  const Mapped mapped = MapperOf(plan).Map(
      Json(R"({"_id": {"$numberDouble": "5.0"}, "job_title": "Logo & banner #3"})").view());
  ASSERT_TRUE(std::holds_alternative<Item>(mapped));
  const Item& item = std::get<Item>(mapped);
  EXPECT_EQ(
      ToExtendedJson(item.document.view(), JsonMode::kCanonical),
      R"({"_id":{"$numberDouble":"5.0"},"item_id":")" + item.item_id +
          R"(","org_id":"org_default","profile_id":"prof_default","company_name":"Logo & banner #3",)"
          R"("deliverables":["Logo","banner"],"skills":[],"portfolio_url":null,"industry":"General",)"
          R"("is_embedded":false,"embedding_id":null})");
  EXPECT_EQ(item.tenant, (TenantRef{"org_default", "prof_default"}));
}

TEST(Mapping, TakeDropsEmptiesAndDuplicatesFirst) {
  EXPECT_EQ(Field(Copy("s", 3), R"({"_id":1,"s":[" a ","","A",null,"b",5,"c"]})"),
            R"(["a","b","5"])");
  EXPECT_EQ(Field(Copy("s", 3), R"({"_id":1,"s":"a, b ,,A,c,d"})"), R"(["a","b","c"])");
  EXPECT_EQ(Field(Copy("s", 3), R"({"_id":1,"s":["a, b"]})"), R"(["a","b"])");
  EXPECT_EQ(Field(Copy("s", 3), R"({"_id":1,"s":"one"})"), R"(["one"])");
  EXPECT_EQ(Field(Copy("s", 3), R"({"_id":1})"), "[]");
  EXPECT_EQ(Field(Copy("s", 3), R"({"_id":1,"s":["Zażółć","ZAŻÓŁĆ"]})"), R"(["Zażółć"])");
}

TEST(Mapping, CopiesFaithfullyWithoutTake) {
  EXPECT_EQ(Field(Copy("s"), R"({"_id":1,"s":"\u00a0 a "})"), R"("a")");
  EXPECT_EQ(Field(Copy("s"), R"({"_id":1,"s":" \u3000"})"), "null");
  EXPECT_EQ(Field(Copy("s"), R"({"_id":1})"), "null");
  EXPECT_EQ(Field(Copy("s"), R"({"_id":1,"s":{"$numberDecimal":"4.90"}})"),
            R"({"$numberDecimal":"4.90"})");
  EXPECT_EQ(Field(Copy("s"), R"({"_id":1,"s":[" a ",{"$numberInt":"1"}]})"),
            R"(["a",{"$numberInt":"1"}])");
  EXPECT_EQ(Field(Copy("s[1].x"), R"({"_id":1,"s":[0,{"x":true}]})"), "true");
}

TEST(Mapping, TakesTheFirstThatIsNotEmpty) {
  FieldRule rule;
  rule.kind = FieldRule::Kind::kFirstNonEmpty;
  rule.alternatives = {Copy("a"), Copy("b")};
  EXPECT_EQ(Field(rule, R"({"_id":1,"a":"  ","b":"x"})"), R"("x")");
  EXPECT_EQ(Field(rule, R"({"_id":1,"a":[],"b":false})"), "false");
  EXPECT_EQ(Field(rule, R"({"_id":1,"a":null})"), "null");
}

TEST(Mapping, RunsJqAndQuarantinesItsFailures) {
  EXPECT_EQ(Field(Jq(".a.b | ascii_upcase"), R"({"_id":1,"a":{"b":"x"}})"), R"("X")");
  const Plan plan = PlanWith(Jq(".a | tonumber"));
  EXPECT_EQ(ReasonOf(plan, R"({"_id":1,"a":"x"})"), QuarantineReason::kMappingFailed);
  const Plan impure = PlanWith(Jq("now"));
  EXPECT_EQ(Mapper::Compile(impure).error().code, ErrorCode::kInvalidArgument);
}

TEST(Mapping, RoutesByTheFirstRuleThatMatches) {
  Plan plan = PlanWith(Copy("x"));
  AssignRule::Lookup lookup{
      Path("client"),
      "clients.csv",
      {{"7", {"org_b", "prof_b"}}, {"bad", {"org_b", "prof_a"}}, {"none", {"org_z", "p"}}}};
  plan.tenants.assign = {
      {AssignRule::Match{Path("region"), Value::String("eu")}, {"org_a", "prof_a"}, {}},
      {AssignRule::Match{Path("n"), Value::Int32(5)}, {"org_b", "prof_b"}, {}},
      {lookup, {}, {}}};
  const Mapper mapper = MapperOf(plan);
  const auto org = [&](std::string_view json) {
    return std::get<Item>(mapper.Map(Json(json).view())).tenant.org_id;
  };
  EXPECT_EQ(org(R"({"_id":1,"region":" eu ","n":5})"), "org_a");
  EXPECT_EQ(org(R"({"_id":1,"region":["us","eu"]})"), "org_a");
  EXPECT_EQ(org(R"({"_id":1,"n":{"$numberDecimal":"5.0"}})"), "org_b");
  EXPECT_EQ(org(R"({"_id":1,"client":7})"), "org_b");
  EXPECT_EQ(ReasonOf(plan, R"({"_id":1,"region":"EU"})"), QuarantineReason::kNoTenant);
  EXPECT_EQ(ReasonOf(plan, R"({"_id":1,"client":"bad"})"), QuarantineReason::kUnknownTenant);
  EXPECT_EQ(ReasonOf(plan, R"({"_id":1,"client":"none"})"), QuarantineReason::kUnknownTenant);
  EXPECT_EQ(mapper.MatchingRules(Json(R"({"_id":1,"region":"eu","n":5,"client":"x"})").view()),
            (std::vector<std::size_t>{0, 1}));
  const Mapped none = mapper.Map(Json(R"({"_id":1})").view());
  EXPECT_NE(std::get<Unmappable>(none).detail.find("region, n, client"), std::string::npos);
}

TEST(Mapping, QuarantinesWhatBreaksTheSchemaOrTheLimits) {
  Plan plan = PlanWith(Copy("x"));
  plan.items.schema = Json(R"({"properties":{"f":{"bsonType":["string","null"]}}})");
  EXPECT_EQ(ReasonOf(plan, R"({"_id":1,"x":5})"), QuarantineReason::kSchema);
  EXPECT_EQ(ReasonOf(plan, R"({"_id":1,"x":")" + std::string(41'000, 'a') + R"("})"),
            QuarantineReason::kMetadataTooLarge);
  DocumentBuilder builder;
  const Document huge = builder.Int32("_id", 1).String("x", std::string(17U << 20U, 'a')).Finish();
  const Mapped mapped = MapperOf(plan).Map(huge.view());
  EXPECT_EQ(std::get<Unmappable>(mapped).reason, QuarantineReason::kTooLarge);
}

TEST(Mapping, QuarantinesTextThatIsNoUtf8WhereAVectorWouldNeedIt) {
  Plan plan = PlanWith(Copy("x"));
  plan.items.fields.emplace_back("kept", Copy("y"));
  const Mapper mapper = MapperOf(plan);
  const Document list = ArrayBuilder().String("good").String("\xC3").Finish();
  const Document nested = DocumentBuilder().String("\xFF", "key").Finish();
  for (const ValueView& broken :
       {ValueView(BsonType::kArray, list.bytes()), ValueView(BsonType::kDocument, nested.bytes()),
        Value::String("Caf\xE9").view()}) {
    const Document source = DocumentBuilder().Int32("_id", 1).Append("x", broken).Finish();
    const Mapped mapped = mapper.Map(source.view());
    ASSERT_TRUE(std::holds_alternative<Unmappable>(mapped));
    EXPECT_EQ(std::get<Unmappable>(mapped).reason, QuarantineReason::kMappingFailed);
    // A field that stays in the document store is carried byte by byte.
    const Document aside = DocumentBuilder().Int32("_id", 1).Append("y", broken).Finish();
    EXPECT_TRUE(std::holds_alternative<Item>(mapper.Map(aside.view())));
  }
}

TEST(Mapping, RefusesFieldsThatCollideWithAnItemsOwn) {
  Plan plan = PlanWith(Copy("x"));
  plan.items.fields.emplace_back("item_id", Copy("y"));
  EXPECT_EQ(Mapper::Compile(plan).error().code, ErrorCode::kInvalidArgument);
}

TEST(Mapping, RendersTextAndMetadata) {
  Plan plan = PlanWith(Copy("x"));
  plan.index.text = "{f}: {list}. {none}{price}!";
  plan.index.metadata = {"f", "list", "none", "price", "big", "when"};
  const Mapper mapper = MapperOf(plan);
  const Document item = Json(
      R"({"_id":1,"f":"a","list":["b",2],"none":null,"price":2.5,"big":{"$numberLong":"9007199254740993"},"when":{"$date":{"$numberLong":"0"}}})");
  EXPECT_EQ(mapper.Text(item.view()), "a: b, 2. 2.5!");
  const Metadata metadata = mapper.VectorMetadata(item.view(), "contract", {1.0F});
  EXPECT_EQ(
      MetadataJson(metadata),
      R"({"big":"9007199254740993","f":"a","list":["b","2"],"price":2.5,"rehome_contract":"contract","rehome_text":")" +
          Md5("a: b, 2. 2.5!").Hex() + R"(","rehome_values":")" + ValuesDigest({1.0F}).Hex() +
          R"(","when":"{\"$date\":\"1970-01-01T00:00:00Z\"}"})");
}

TEST(Mapping, TracesHowFieldsCameAbout) {
  const Plan plan = Portfolio();
  Mapper::Trace trace;
  static_cast<void>(MapperOf(plan).Map(
      Json(R"({"_id":1,"company_name":" ","job_title":" Shop "})").view(), trace));
  EXPECT_EQ(trace.tenant_rule, "tenants.assign[0]: default");
  ASSERT_EQ(trace.fields.size(), 5U);
  EXPECT_EQ(trace.fields[0].rule, "first_non_empty: job_title");
  EXPECT_EQ(trace.fields[0].before, R"(" Shop ")");
  EXPECT_EQ(trace.fields[0].after, R"("Shop")");
}

TEST(Mapping, NamesReasonsBothWays) {
  for (int i = 0; i <= static_cast<int>(QuarantineReason::kEmbedding); ++i) {
    const auto reason = static_cast<QuarantineReason>(i);
    EXPECT_EQ(QuarantineReasonOf(Name(reason)), reason);
  }
  EXPECT_EQ(QuarantineReasonOf("nosuch"), std::nullopt);
}

const LossLedger::Entry* FindEntry(const std::vector<LossLedger::Entry>& entries,
                                   std::string_view path, std::string_view how) {
  const auto found = std::ranges::find_if(
      entries, [&](const auto& entry) { return entry.path == path && entry.how == how; });
  return found == entries.end() ? nullptr : &*found;
}

TEST(LossLedger, CountsWhatIsLeftBehindDroppedAndChanged) {
  const Plan plan = Portfolio();
  LossLedger ledger(plan.items);
  ledger.Add(
      Json(
          R"({"_id":1,"company_name":" x ","outcome":"won","nested":{"a":1,"b.c":[{"d":true}]},"portfolio_urls":["u","v"]})")
          .view());
  ledger.Add(
      Json(
          R"({"_id":2,"skills_required":["1","2","3","4","5","6","7","8","9","10","11"],"nested":{"a":2},"client_feedback":{"stars":5}})")
          .view());
  const auto entries = ledger.Entries();
  ASSERT_NE(FindEntry(entries, "nested.a", "not_carried"), nullptr);
  EXPECT_EQ(FindEntry(entries, "nested.a", "not_carried")->count, 2U);
  EXPECT_EQ(FindEntry(entries, "nested.a", "not_carried")->examples,
            (std::vector<std::string>{"1", "2"}));
  EXPECT_NE(FindEntry(entries, "nested[\"b.c\"][].d", "not_carried"), nullptr);
  EXPECT_NE(FindEntry(entries, "portfolio_urls[]", "not_carried"), nullptr);
  EXPECT_EQ(FindEntry(entries, "portfolio_urls[]", "not_carried")->count, 1U);
  EXPECT_NE(FindEntry(entries, "outcome", "dropped"), nullptr);
  EXPECT_NE(FindEntry(entries, "client_feedback", "dropped"), nullptr);
  EXPECT_NE(FindEntry(entries, "skills_required", "truncated"), nullptr);
  EXPECT_NE(FindEntry(entries, "company_name", "coerced"), nullptr);
  EXPECT_EQ(entries.size(), 7U);
}

TEST(LossLedger, IsBoundedInPaths) {
  const Plan plan = PlanWith(Copy("x"));
  LossLedger ledger(plan.items);
  DocumentBuilder builder;
  for (std::size_t i = 0; i < LossLedger::kPathsMax + 500; ++i) {
    builder.Int32("k" + std::to_string(i), 1);
  }
  const Document wide = builder.Finish();
  ledger.Add(wide.view());
  const auto entries = ledger.Entries();
  EXPECT_EQ(entries.size(), LossLedger::kPathsMax + 1);
  EXPECT_EQ(FindEntry(entries, "(more paths)", "not_carried")->count, 500U);
}

/// Random documents of every BSON type: well-formed, otherwise as bad as they come.
class Chaos {
 public:
  explicit Chaos(std::uint64_t seed) : random_(seed) {}

  Document Source() {
    DocumentBuilder builder;
    Append(builder, "_id", 0);
    for (const std::string_view key : {"company_name", "job_title", "task_type", "skills_required",
                                       "portfolio_urls", "industry", "x"}) {
      if (random_.Below(5) != 0) {
        Append(builder, key, 0);
      }
    }
    return builder.Finish();
  }

 private:
  std::string Bytes(std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) {
      out.push_back(static_cast<char>(random_.Below(256)));
    }
    return out;
  }
  std::string Text() {
    static constexpr std::array<std::string_view, 8> kParts{
        "Need a ", "#12", ", ", "\xC2\xA0", "\xFF", "é", "AI", std::string_view("\0", 1)};
    std::string out;
    for (std::size_t i = random_.Below(6); i > 0; --i) {
      out += kParts[random_.Below(kParts.size())];
    }
    return out;
  }
  static std::string Prefixed(std::string_view text) {
    DocumentBuilder builder;
    const Document document = builder.String("", text).Finish();
    return std::string(document.view().begin()->value.payload());
  }
  Document Inner(int depth) {
    DocumentBuilder builder;
    for (std::size_t i = random_.Below(4), k = 0; k < i; ++k) {
      Append(builder, std::to_string(k), depth + 1);
    }
    return builder.Finish();
  }
  std::string Payload(BsonType type, int depth) {
    switch (type) {
      case BsonType::kNull:
      case BsonType::kUndefined:
      case BsonType::kMinKey:
      case BsonType::kMaxKey:
        return "";
      case BsonType::kBool:
        return std::string(1, static_cast<char>(random_.Below(2)));
      case BsonType::kInt32:
        return Bytes(4);
      case BsonType::kDouble:
      case BsonType::kTimestamp:
      case BsonType::kInt64:
      case BsonType::kDate:
        return Bytes(8);
      case BsonType::kObjectId:
        return Bytes(12);
      case BsonType::kDecimal128:
        return Bytes(16);
      case BsonType::kString:
      case BsonType::kCode:
      case BsonType::kSymbol:
        return Prefixed(Text());
      case BsonType::kDbPointer:
        return Prefixed(Text()) + Bytes(12);
      case BsonType::kRegex:
        return std::string("a+\0i\0", 5);
      case BsonType::kBinary: {
        DocumentBuilder builder;
        const Document document = builder.Binary("", Bytes(random_.Below(9)), 0).Finish();
        return std::string(document.view().begin()->value.payload());
      }
      case BsonType::kDocument:
      case BsonType::kArray:
        return Inner(depth).bytes();
      case BsonType::kCodeWithScope: {
        const std::string rest = Prefixed("f()") + Inner(depth).bytes();
        const auto size = static_cast<std::uint32_t>(rest.size() + 4);
        return std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + rest;
      }
    }
    return "";
  }
  void Append(DocumentBuilder& builder, std::string_view key, int depth) {
    static constexpr std::array kTypes{
        BsonType::kDouble,    BsonType::kString,    BsonType::kDocument,      BsonType::kArray,
        BsonType::kBinary,    BsonType::kUndefined, BsonType::kObjectId,      BsonType::kBool,
        BsonType::kDate,      BsonType::kNull,      BsonType::kRegex,         BsonType::kDbPointer,
        BsonType::kCode,      BsonType::kSymbol,    BsonType::kCodeWithScope, BsonType::kInt32,
        BsonType::kTimestamp, BsonType::kInt64,     BsonType::kDecimal128,    BsonType::kMaxKey,
        BsonType::kMinKey,    BsonType::kString,    BsonType::kString};
    const BsonType type = kTypes[random_.Below(depth > 3 ? 2 : kTypes.size())];
    builder.Append(key, ValueView(type, Payload(type, depth)));
  }

  Random random_;
};

TEST(Mapping, IsTotalAndDeterministicOverEveryType) {
  Plan plan = Portfolio();
  plan.items.fields.emplace_back("copy", Copy("x"));
  plan.items.schema.reset();
  plan.index.metadata.emplace_back("copy");
  const Plan strict = Portfolio();
  const Mapper loose_mapper = MapperOf(plan);
  const Mapper strict_mapper = MapperOf(strict);
  LossLedger ledger(plan.items);
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const Document source = Chaos(seed).Source();
    ASSERT_TRUE(Document::Parse(source.bytes()).has_value()) << "seed " << seed;
    ledger.Add(source.view());
    const Mapped mapped = loose_mapper.Map(source.view());
    Mapper::Trace trace;
    const Mapped again = loose_mapper.Map(source.view(), trace);
    if (const auto* refused = std::get_if<Unmappable>(&mapped)) {  // its text is no UTF-8
      ASSERT_EQ(refused->reason, QuarantineReason::kMappingFailed) << "seed " << seed;
      ASSERT_TRUE(std::holds_alternative<Unmappable>(again)) << "seed " << seed;
      continue;
    }
    const auto& item = std::get<Item>(mapped).document;
    ASSERT_EQ(item, std::get<Item>(again).document) << "seed " << seed;
    ASSERT_EQ(item.Id(), source.Id()) << "seed " << seed;
    ASSERT_TRUE(Document::Parse(item.bytes()).has_value()) << "seed " << seed;
    static_cast<void>(loose_mapper.Text(item.view()));
    static_cast<void>(MetadataJson(loose_mapper.VectorMetadata(item.view(), "c", {})));
    const Mapped judged = strict_mapper.Map(source.view());
    if (const auto* good = std::get_if<Item>(&judged)) {
      ASSERT_EQ(strict_mapper.SchemaViolation(good->document.view()), std::nullopt)
          << "seed " << seed;
    } else {
      ASSERT_EQ(std::get<Unmappable>(judged).reason, QuarantineReason::kSchema) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace rehome
