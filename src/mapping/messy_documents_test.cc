// What the portfolio plan makes of documents as years of forms, imports and scripts leave them. The
// expected items were written by hand from the plan.
#include <gtest/gtest.h>

#include "mapping/mapping.h"
#include "model/extended_json.h"
#include "plan/load.h"

namespace rehome {
namespace {

class MessyDocuments : public testing::Test {
 protected:
  static Plan Portfolio() {
    const auto loaded = LoadPlan(std::string(REHOME_SOURCE_DIR) + "/plans/portfolio.yaml", {},
                                 [](const std::string&) { return std::nullopt; });
    CHECK(loaded.has_value() && loaded->plan.has_value());
    return *loaded->plan;
  }
  [[nodiscard]] Mapped Map(const Document& source) const { return mapper_.Map(source.view()); }
  [[nodiscard]] Mapped Map(std::string_view json) const {
    const auto source = ParseExtendedJson(json);
    CHECK(source.has_value());
    return Map(*source);
  }
  /// The mapped fields of the item, which come between the tenant and the mark.
  static std::string Fields(const Mapped& mapped) {
    if (const auto* refused = std::get_if<Unmappable>(&mapped)) {
      return std::string(Name(refused->reason)) + ": " + refused->detail;
    }
    DocumentBuilder fields;
    for (const auto& [key, value] : std::get<Item>(mapped).document.view()) {
      if (key == "company_name" || key == "deliverables" || key == "skills" ||
          key == "portfolio_url" || key == "industry") {
        fields.Append(key, value);
      }
    }
    return ToExtendedJson(fields.Finish().view(), JsonMode::kRelaxed);
  }

  const Plan plan_ = Portfolio();
  const Mapper mapper_ = *Mapper::Compile(plan_);
};

TEST_F(MessyDocuments, WholeItemFromObjectId) {
  const Mapped mapped = Map(
      R"({"_id":{"$oid":"65a1b2c3d4e5f60718293a4b"},"job_title":"Looking for an expert: Shopify audit & speed fixes #12",)"
      R"("company_name":"Nordlicht GmbH","task_type":"shopify audit","skills_required":["Liquid","  React ","react",""],)"
      R"("portfolio_urls":["https://nordlicht.example/a","https://nordlicht.example/b"],"outcome":"won"})");
  ASSERT_TRUE(std::holds_alternative<Item>(mapped));
  EXPECT_EQ(
      ToExtendedJson(std::get<Item>(mapped).document.view(), JsonMode::kCanonical),
      R"({"_id":{"$oid":"65a1b2c3d4e5f60718293a4b"},"item_id":"port_65a1b2c3d4e5f60718293a4b",)"
      R"("org_id":"org_default","profile_id":"prof_default","company_name":"Nordlicht GmbH",)"
      R"("deliverables":["Shopify audit","speed fixes"],"skills":["Liquid","React"],)"
      R"("portfolio_url":"https://nordlicht.example/a","industry":"E-commerce",)"
      R"("is_embedded":false,"embedding_id":null})");
}

TEST_F(MessyDocuments, BlankNamesGiveWayToTheTitle) {
  EXPECT_EQ(
      Fields(Map(
          R"({"_id":1,"company_name":"\u00a0 \u3000","job_title":"\u00a0Need a  Patient\tportal\u00a0","skills_required":null})")),
      R"({"company_name":"Need a  Patient\tportal","deliverables":["Patient portal"],"skills":[],"portfolio_url":null,"industry":"Healthcare"})");
  EXPECT_EQ(Fields(Map(R"({"_id":2,"company_name":" ","job_title":""})")),
            "schema: company_name: bsonType: is null");
}

TEST_F(MessyDocuments, BidirectionalTextStaysAsWritten) {
  EXPECT_EQ(
      Fields(Map(
          R"({"_id":1,"company_name":"\u202bشركة النور\u202c","job_title":"תרגום אתר - English ממשק","industry":"  תיירות "})")),
      "{\"company_name\":\"\u202bشركة النور\u202c\",\"deliverables\":[\"תרגום אתר\",\"English "
      "ממשק\"],"
      "\"skills\":[],\"portfolio_url\":null,\"industry\":\"תיירות\"}");
}

TEST_F(MessyDocuments, OneTextOfSkillsIsAListOfThem) {
  EXPECT_EQ(
      Fields(Map(
          R"({"_id":1,"company_name":"A","job_title":"Logo","skills_required":"React, Node.js ,, react,C++,\u00a0SQL"})")),
      R"({"company_name":"A","deliverables":["Logo"],"skills":["React","Node.js","C++","SQL"],"portfolio_url":null,"industry":"General"})");
  EXPECT_EQ(
      Fields(Map(
          R"({"_id":1,"company_name":"A","job_title":"Logo","skills_required":["1","2","3","4","5","6","7","8","9","10","11"]})")),
      R"({"company_name":"A","deliverables":["Logo"],"skills":["1","2","3","4","5","6","7","8","9","10"],"portfolio_url":null,"industry":"General"})");
}

TEST_F(MessyDocuments, MissingEmptyAndBlankUrlsAreNull) {
  for (const char* urls : {"", R"(,"portfolio_urls":[])", R"(,"portfolio_urls":null)",
                           R"(,"portfolio_urls":["  ","https://b.example"])",
                           R"(,"portfolio_urls":"https://not-in-a-list.example")"}) {
    EXPECT_EQ(
        Fields(Map(std::string(R"({"_id":1,"company_name":"A","job_title":"Logo")") + urls + "}")),
        R"({"company_name":"A","deliverables":["Logo"],"skills":[],"portfolio_url":null,"industry":"General"})")
        << urls;
  }
}

TEST_F(MessyDocuments, KeysWithDollarsAndDotsDisturbNothing) {
  const Document operators =
      DocumentBuilder().String("$set", "x").String("a.b", "y").String("$oid", "no id").Finish();
  const Document source = DocumentBuilder()
                              .String("_id", "a b/é")
                              .Append("client_feedback", operators)
                              .Append("$where", operators)
                              .String("company_name", "Bank Ω")
                              .String("job_title", "maintaining a community, banking")
                              .Append("industry", ValueView(BsonType::kUndefined, {}))
                              .Finish();
  const Mapped mapped = Map(source);
  EXPECT_EQ(
      Fields(mapped),
      R"({"company_name":"Bank Ω","deliverables":["maintaining a community","banking"],"skills":[],"portfolio_url":null,"industry":"Fintech"})");
  EXPECT_EQ(std::get<Item>(mapped).item_id, "port_s~a%20b%2F%C3%A9");

  const Document named = DocumentBuilder()
                             .Int32("_id", 1)
                             .Append("company_name", operators)
                             .String("job_title", "Logo")
                             .Finish();
  EXPECT_EQ(Fields(Map(named)), "schema: company_name: bsonType: is object");
}

}  // namespace
}  // namespace rehome
