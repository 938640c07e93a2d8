#include "mapping/invert.h"

#include <gtest/gtest.h>

#include <array>

#include "base/random.h"
#include "model/extended_json.h"
#include "model/item.h"
#include "tests/support/field_rules.h"
#include "tests/support/json.h"

namespace rehome {
namespace {

using testing_support::Copy;
using testing_support::Json;
using testing_support::JsonValue;

FieldRule FirstNonEmpty(std::vector<FieldRule> alternatives) {
  FieldRule rule;
  rule.kind = FieldRule::Kind::kFirstNonEmpty;
  rule.alternatives = std::move(alternatives);
  return rule;
}

FieldRule Extract(std::string name, std::string_view path) {
  FieldRule rule;
  rule.kind = FieldRule::Kind::kExtract;
  rule.extractor = std::move(name);
  rule.from = {*ParseFieldPath(path)};
  return rule;
}

/// One rule of each kind that a change may concern; documents of `region` "b" are org_b's.
Plan EveryRule() {
  Plan plan;
  plan.tenants.organizations = {{"org_a", "a", {}}, {"org_b", "b", {}}};
  plan.tenants.profiles = {{"prof_a", "org_a", {}}, {"prof_b", "org_b", {}}};
  plan.tenants.assign = {
      {AssignRule::Match{*ParseFieldPath("region"), Value::String("b")}, {"org_b", "prof_b"}, {}},
      {std::monostate{}, {"org_a", "prof_a"}, {}}};
  plan.items.id = "port_{_id}";
  plan.items.extractors = {{"words", PhraseExtractor{{"Need a"}, {","}, 3}},
                           {"kind", DictionaryExtractor{{{"Shop", {"shop"}}}, "Other"}}};
  plan.items.fields = {{"plain", Copy("plain")},
                       {"name", FirstNonEmpty({Copy("name"), Copy("title")})},
                       {"url", Copy("urls[0]")},
                       {"city", Copy("client.address.city")},
                       {"second", Copy("rows[1].x")},
                       {"skills", Copy("skills", 3)},
                       {"words", Extract("words", "title")},
                       {"kind", FirstNonEmpty({Copy("kind"), Extract("kind", "title")})}};
  plan.index.text = "{name}";
  return plan;
}

/// `item` with `value` (Extended JSON) in `field`, in its place.
Document With(DocumentView item, std::string_view field, std::string_view value) {
  const Value replacement = JsonValue(value);
  DocumentBuilder builder;
  for (const auto& [key, old] : item) {
    builder.Append(key, key == field ? replacement.view() : old);
  }
  return builder.Finish();
}

constexpr std::string_view kSource =
    R"({"_id":1,"title":"Need a shop, logo","plain":"p","urls":["u0","u1"],)"
    R"("client":{"id":7,"address":{"city":"Lima","zip":"9"}},"rows":[0,{"x":1,"y":2}],)"
    R"("skills":["a","b"],"note":"kept"})";

class InvertTest : public testing::Test {
 protected:
  [[nodiscard]] Document ItemOf(DocumentView source) const {
    const Mapped mapped = mapper_.Map(source);
    CHECK(std::holds_alternative<Item>(mapped));
    return std::get<Item>(mapped).document;
  }
  /// What is written back when `field` of the item of `source` becomes `value`; "none" if nothing.
  [[nodiscard]] std::string Back(std::string_view source, std::string_view field,
                                 std::string_view value) const {
    const Document document = Json(source);
    const Document item = With(ItemOf(document.view()).view(), field, value);
    const auto legacy = Invert(mapper_, plan_.items, document, item.view());
    if (!legacy) {
      return "none";
    }
    EXPECT_EQ(DocumentDigest(ItemOf(legacy->view()).view()), DocumentDigest(item.view()));
    return ToExtendedJson(legacy->view(), JsonMode::kRelaxed);
  }
  /// The sample with one part of its text replaced, as Back() shows it.
  static std::string Sample(std::string_view from = "", std::string_view to = "") {
    std::string text(kSource);
    if (!from.empty()) {
      text.replace(text.find(from), from.size(), to);
    }
    return ToExtendedJson(Json(text).view(), JsonMode::kRelaxed);
  }

  const Plan plan_ = EveryRule();
  const Mapper mapper_ = *Mapper::Compile(plan_);
};

TEST_F(InvertTest, LeavesTheSourceOfAnUnchangedItemAsItIs) {
  const Document source = Json(kSource);
  const Document item = ItemOf(source.view());
  EXPECT_EQ(Invert(mapper_, plan_.items, source, item.view()), source);
  EXPECT_EQ(Invert(mapper_, plan_.items, source, WithMark(item.view(), "port_n~1").view()), source)
      << "the mark is none of the legacy document's affair";
}

TEST_F(InvertTest, WritesCopiedFieldsWhereTheyCameFrom) {
  EXPECT_EQ(Back(kSource, "plain", R"("q")"), Sample(R"("p")", R"("q")"));
  EXPECT_EQ(Back(kSource, "plain", R"({"deep":[1,null]})"),
            Sample(R"("p")", R"({"deep":[1,null]})"));
  EXPECT_EQ(Back(kSource, "url", R"("new")"), Sample(R"("u0")", R"("new")"));
  EXPECT_EQ(Back(kSource, "city", R"("Cusco")"), Sample("Lima", "Cusco"));
  EXPECT_EQ(Back(kSource, "second", "5"), Sample(R"("x":1)", R"("x":5)"));
  EXPECT_EQ(Back(kSource, "skills", R"(["b","c","d"])"),
            Sample(R"(["a","b"])", R"(["b","c","d"])"));
  EXPECT_EQ(Back(kSource, "skills", "[]"), Sample(R"(["a","b"])", "[]"));
}

TEST_F(InvertTest, WritesTheFirstAlternativeSinceTheOthersFeedMore) {
  const std::string back = Back(kSource, "name", R"("Acme")");
  EXPECT_EQ(back, Sample(R"("note":"kept")", R"("note":"kept","name":"Acme")"));
  EXPECT_EQ(Back(kSource, "kind", R"("Own")"),
            Sample(R"("note":"kept")", R"("note":"kept","kind":"Own")"));
}

TEST_F(InvertTest, TakesFieldsOutThatBecameNull) {
  EXPECT_EQ(Back(kSource, "plain", "null"), Sample(R"("plain":"p",)", ""));
  EXPECT_EQ(Back(kSource, "city", "null"), Sample(R"("city":"Lima",)", ""));
  EXPECT_EQ(Back(R"({"_id":1,"title":"t","urls":["u0"]})", "url", "null"),
            R"({"_id":1,"title":"t","urls":[]})");
  EXPECT_EQ(Back(kSource, "url", "null"), Sample(R"("u0")", "null"))
      << "the other positions stay where they are";
}

TEST_F(InvertTest, MakesWhatIsMissingOnTheWay) {
  EXPECT_EQ(Back(R"({"_id":1,"title":"t"})", "city", R"("Lima")"),
            R"({"_id":1,"title":"t","client":{"address":{"city":"Lima"}}})");
  EXPECT_EQ(Back(R"({"_id":1,"title":"t","urls":[]})", "url", R"("u")"),
            R"({"_id":1,"title":"t","urls":["u"]})");
  EXPECT_EQ(Back(R"({"_id":1,"title":"t"})", "second", "1"), "none")
      << "position 1 of a list without position 0";
  EXPECT_EQ(Back(R"({"_id":1,"title":"t","client":"text"})", "city", R"("Lima")"), "none")
      << "what stands in the way is not overwritten";
}

TEST_F(InvertTest, ChangesOnlyTheFirstOfTwoFieldsOfOneName) {
  const Document source = DocumentBuilder()
                              .Int32("_id", 1)
                              .String("title", "t")
                              .Int32("plain", 1)
                              .Int32("plain", 2)
                              .Finish();
  const Document item = With(ItemOf(source.view()).view(), "plain", "5");
  const auto legacy = Invert(mapper_, plan_.items, source, item.view());
  ASSERT_TRUE(legacy.has_value());
  const Document wanted = DocumentBuilder()
                              .Int32("_id", 1)
                              .String("title", "t")
                              .Int32("plain", 5)
                              .Int32("plain", 2)
                              .Finish();
  EXPECT_EQ(*legacy, wanted);
}

TEST_F(InvertTest, GivesNothingForWhatTheMappingCannotGiveBack) {
  EXPECT_EQ(Back(kSource, "words", R"(["logo"])"), "none") << "extracted";
  EXPECT_EQ(Back(kSource, "plain", R"(" untrimmed ")"), "none");
  EXPECT_EQ(Back(kSource, "skills", R"(["a","b","c","d"])"), "none") << "more than it takes";
  EXPECT_EQ(Back(kSource, "skills", R"(["a","A"])"), "none");
  EXPECT_EQ(Back(kSource, "skills", "null"), "none") << "a list is never null";
  EXPECT_EQ(Back(kSource, "name", "null"), "none") << "the title is there";
  EXPECT_EQ(Back(kSource, "org_id", R"("org_b")"), "none");
  EXPECT_EQ(Back(kSource, "item_id", R"("mine")"), "none");
  EXPECT_EQ(Back(kSource, "_id", "2"), "none");
}

TEST_F(InvertTest, GivesNothingForFieldsThatTheItemDoesNotHave) {
  const Document source = Json(kSource);
  const Document item = ItemOf(source.view());
  DocumentBuilder more;
  DocumentBuilder fewer;
  for (const auto& [key, value] : item.view()) {
    more.Append(key, value);
    if (key != "plain") {
      fewer.Append(key, value);
    }
  }
  EXPECT_EQ(Invert(mapper_, plan_.items, source, more.Int32("likes", 1).Finish().view()),
            std::nullopt);
  EXPECT_EQ(Invert(mapper_, plan_.items, source, fewer.Finish().view()), std::nullopt);
}

TEST_F(InvertTest, MakesADocumentForAnItemWithoutSource) {
  const Document fresh = Json(
      R"({"_id":1,"name":"Acme","plain":"p","skills":["x"],"kind":"Own","client":{"address":{"city":"C"}}})");
  const Document item = ItemOf(fresh.view());  // words: Unspecified, as without any title
  const auto legacy = Invert(mapper_, plan_.items, std::nullopt, item.view());
  ASSERT_TRUE(legacy.has_value());
  EXPECT_EQ(DocumentDigest(ItemOf(legacy->view()).view()), DocumentDigest(item.view()));
  EXPECT_EQ(legacy->Find("name")->AsString(), "Acme");
  const Document titled = ItemOf(Json(kSource).view());
  EXPECT_EQ(Invert(mapper_, plan_.items, std::nullopt, titled.view()), std::nullopt)
      << "no title can be made from its phrases";
}

TEST_F(InvertTest, NeverGivesADocumentThatMapsToAnotherItem) {
  constexpr std::array<std::string_view, 10> kValues{
      "null",      R"("")", R"("x")",          R"(" x")", "[]", R"(["x"])", R"(["x","y","X",""])",
      R"("x, y")", "5",     R"({"a":{"b":1}})"};
  const std::array<Document, 5> sources{
      Json(kSource), Json(R"({"_id":1})"),
      Json(R"({"_id":1,"region":"b","urls":"u","skills":"a, b"})"),
      Json(R"({"_id":1,"urls":[],"rows":[{},{}],"client":[],"name":" ","kind":[]})"),
      Json(R"({"_id":1,"rows":null,"client":{"address":null},"title":["shop"]})")};
  std::size_t inverted = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Random random(seed);
    const Document& source = sources[random.Below(sources.size())];
    Document item = ItemOf(source.view());
    for (std::size_t changes = random.Below(4); changes > 0; --changes) {
      const auto& [field, rule] = plan_.items.fields[random.Below(plan_.items.fields.size())];
      item = With(item.view(), field, kValues[random.Below(kValues.size())]);
    }
    const bool fresh = random.Below(4) == 0;
    const auto legacy =
        Invert(mapper_, plan_.items, fresh ? std::nullopt : std::optional(source), item.view());
    if (legacy) {
      ++inverted;
      ASSERT_TRUE(Document::Parse(legacy->bytes()).has_value()) << "seed " << seed;
      ASSERT_EQ(DocumentDigest(ItemOf(legacy->view()).view()), DocumentDigest(item.view()))
          << "seed " << seed;
    }
  }
  EXPECT_GT(inverted, 500U);
}

}  // namespace
}  // namespace rehome
