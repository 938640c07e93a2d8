#include "plan/load.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/atomic_file.h"
#include "base/random.h"
#include "model/extended_json.h"
#include "plan/template.h"

namespace rehome {
namespace {

constexpr std::string_view kPlan = R"(rehome: 1
name: shop
documents: sqlite:a.db
vectors: local:v
backup: { dir: b, collections: [old], namespaces: [legacy] }
tenants:
  organizations:
    - { org_id: org_a, slug: a-inc, seats: 5, nested: { since: 2020, tags: [x, true, ~, 1.5] } }
    - { org_id: org_b, slug: b-inc }
  profiles:
    - { profile_id: prof_a, org_id: org_a }
    - { profile_id: prof_b, org_id: org_b }
  assign: { org_id: org_a, profile_id: prof_a }
items:
  from: old
  to: new
  id: "it_{_id}"
  fields:
    title: { first_non_empty: [title, { extract: industry, from: [a.b, "c[0]"] }] }
    tags: { from: tags, take: 3 }
    kind: { value: { n: 1 } }
    score: { jq: ".score" }
    plain: client.name
  drop: [noise]
  schema: { bsonType: object, minProperties: 2 }
index:
  namespace: "ns_{org.slug}"
  embedder: { provider: hashing, dimensions: 64 }
  text: "{title}. {tags}"
  metadata: [org_id, title]
cutover: { env_file: { path: .env, set: { NS: ns_a-inc } }, write_pause_max: 1.5s, quiet: 500ms }
retire: { after: 24h, collections: [old], namespaces: [legacy] }
limits: { workers: auto, vectors_per_s: 2.5 }
)";

std::optional<std::string> NoEnvironment(const std::string& /*name*/) {
  return std::nullopt;
}

LoadedPlan Parse(std::string_view yaml, const std::vector<PlanOverride>& overrides = {},
                 const Environment& environment = NoEnvironment) {
  return ParsePlan(yaml, "shop.yaml", overrides, environment);
}

/// kPlan with one piece replaced.
std::string With(std::string_view from, std::string_view to) {
  std::string text(kPlan);
  const std::size_t at = text.find(from);
  CHECK(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string Problems(const LoadedPlan& loaded) {
  std::string out;
  for (const PlanProblem& problem : loaded.problems) {
    out += fmt::format("{}:{}: {}\n", problem.mark.line, problem.mark.column, problem.message);
  }
  return out;
}

/// Whether the one problem of `yaml` stands at `line` and its message holds `part`.
testing::AssertionResult OneProblem(std::string_view yaml, int line, std::string_view part) {
  const LoadedPlan loaded = Parse(yaml);
  const bool as_said = loaded.problems.size() == 1 && loaded.problems[0].mark.line == line &&
                       loaded.problems[0].message.find(part) != std::string::npos && !loaded.plan;
  return as_said ? testing::AssertionSuccess()
                 : testing::AssertionFailure() << "problems: " << Problems(loaded);
}

TEST(LoadPlan, ReadsEveryPart) {
  const LoadedPlan loaded = Parse(kPlan);
  ASSERT_TRUE(loaded.plan.has_value()) << Problems(loaded);
  const Plan& plan = *loaded.plan;
  EXPECT_EQ(plan.name, "shop");
  EXPECT_TRUE(plan.documents.same());
  EXPECT_EQ(plan.vectors.target.address, "local:v");
  EXPECT_EQ(plan.items.fields.size(), 5U);
  EXPECT_EQ(plan.items.fields[0].second.alternatives[1].from[1].text, "c[0]");
  EXPECT_EQ(plan.items.fields[1].second.take, 3U);
  EXPECT_EQ(plan.items.fields[2].second.kind, FieldRule::Kind::kConstant);
  EXPECT_EQ(plan.items.fields[3].second.jq, ".score");
  EXPECT_TRUE(plan.items.extractors.contains("industry"));
  EXPECT_EQ(plan.cutover.write_pause_max, Millis{1500});
  EXPECT_EQ(plan.cutover.quiet, Millis{500});
  EXPECT_EQ(plan.retire.after, std::chrono::hours{24});
  EXPECT_EQ(plan.limits.workers, 0);
  EXPECT_EQ(plan.limits.vectors_per_s, 2.5);
  EXPECT_EQ(plan.NamespaceOf("org_b").name(), "ns_b-inc");
}

TEST(LoadPlan, KeepsTheKeysOfAnOrganizationInOrderAndTyped) {
  const LoadedPlan loaded = Parse(kPlan);
  ASSERT_TRUE(loaded.plan.has_value());
  const Document& document = loaded.plan->tenants.organizations[0].document;
  std::vector<std::string> keys;
  for (const auto& element : document.view()) {
    keys.emplace_back(element.key);
  }
  EXPECT_EQ(keys, (std::vector<std::string>{"_id", "org_id", "slug", "seats", "nested"}));
  EXPECT_EQ(document.Id().AsString(), "org_a");
  EXPECT_EQ(document.Find("seats")->AsInt32(), 5);
  const DocumentView tags = document.Find("nested")->AsDocument().Find("tags")->AsDocument();
  EXPECT_TRUE(tags.Find("1")->AsBool());
  EXPECT_TRUE(tags.Find("2")->IsNull());
  EXPECT_EQ(tags.Find("3")->AsDouble(), 1.5);
}

TEST(LoadPlan, ListsAllMistakesInFileOrder) {
  std::string text = With("name: shop", "name: shop\nbakcup: {}");
  text.replace(text.find("dimensions: 64"), 14, "dimensions: many");
  text.replace(text.find("quiet: 500ms"), 12, "quiet: 5");
  text.replace(text.find("from: old"), 9, "fro: old");
  const LoadedPlan loaded = Parse(text);
  EXPECT_FALSE(loaded.plan.has_value());
  ASSERT_EQ(loaded.problems.size(), 5U) << Problems(loaded);
  EXPECT_EQ(loaded.problems[0].mark.line, 3);
  EXPECT_NE(loaded.problems[0].message.find("did you mean `backup`"), std::string::npos);
  EXPECT_EQ(loaded.problems[1].mark.line, 16);  // `from` is missing, `fro` is unknown
  EXPECT_EQ(loaded.problems[2].mark.line, 16);
  EXPECT_EQ(loaded.problems[3].mark.line, 29);
  EXPECT_EQ(loaded.problems[3].mark.column, 46);
  EXPECT_EQ(loaded.problems[4].mark.line, 32);
}

TEST(LoadPlan, AKeyTwiceHidesNoOtherMistake) {
  const LoadedPlan loaded = Parse(With("name: shop", "name: shop\nname: shop\nbakcup: {}"));
  ASSERT_EQ(loaded.problems.size(), 2U) << Problems(loaded);
  EXPECT_EQ(loaded.problems[0].mark.line, 3);
  EXPECT_EQ(loaded.problems[1].mark.line, 4);
}

TEST(LoadPlan, MergesMapsUnderTheMergeKey) {
  const LoadedPlan loaded = Parse(With("- { org_id: org_b, slug: b-inc }",
                                       "- { <<: [{ seats: 1, tier: pro }, { tier: free, since: "
                                       "2020 }], org_id: org_b, slug: b-inc }"));
  ASSERT_TRUE(loaded.plan.has_value()) << Problems(loaded);
  EXPECT_EQ(
      ToExtendedJson(loaded.plan->tenants.organizations[1].document.view(), JsonMode::kRelaxed),
      R"({"_id":"org_b","org_id":"org_b","slug":"b-inc","seats":1,"tier":"pro","since":2020})");
  EXPECT_TRUE(OneProblem(With("slug: b-inc }", "slug: b-inc, <<: 5 }"), 9, "merges maps"));
}

TEST(LoadPlan, OneFileUnderTwoPathsIsOneStore) {
  const LoadedPlan loaded =
      Parse(With("sqlite:a.db", "{ source: \"sqlite:a.db\", target: \"sqlite:./b/../a.db\" }"));
  ASSERT_TRUE(loaded.plan.has_value()) << Problems(loaded);
  EXPECT_TRUE(loaded.plan->documents.same());
  EXPECT_FALSE(
      Parse(With("local:v", "{ source: \"local:v\", target: \"local:w\" }")).plan->vectors.same());
}

TEST(LoadPlan, AnOverrideNeedsNoQuotesForText) {
  EXPECT_EQ(Parse(kPlan, {{"items.from", "2020"}}).plan->items.from, "2020");
}

TEST(LoadPlan, NamesEachMistake) {
  EXPECT_TRUE(OneProblem(With("rehome: 1", "rehome: 2"), 1, "`rehome` must be 1"));
  EXPECT_TRUE(OneProblem(With("name: shop", "name: shop\nname: shop"), 3, "second time"));
  EXPECT_TRUE(OneProblem(With("name: shop", "name: a/b"), 2, "name"));
  EXPECT_TRUE(OneProblem(With("name: shop", "name: 5"), 2, "text"));
  EXPECT_TRUE(OneProblem(With("sqlite:a.db", "mysql:a.db"), 3, "names no store"));
  EXPECT_TRUE(OneProblem(With("sqlite:a.db", "mongodb://host"), 3, "no database"));
  EXPECT_TRUE(OneProblem(With("local:v", "https://u:p@host"), 4, "credentials"));
  EXPECT_TRUE(OneProblem(With("take: 3", "tkae: 3"), 20, "did you mean `take`"));
  EXPECT_TRUE(OneProblem(With("from: tags", "from: \"tags[\""), 20, "field path"));
  EXPECT_TRUE(OneProblem(With("from: tags", "from: [tags, more]"), 20, "first_non_empty"));
  EXPECT_TRUE(OneProblem(With("jq: \".score\"", "jq: \".score\", value: 1"), 22, "exactly one"));
  EXPECT_TRUE(OneProblem(With("extract: industry", "extract: industri"), 19, "no extractor"));
  EXPECT_TRUE(OneProblem(With("it_{_id}", "it"), 17, "{_id}"));
  EXPECT_TRUE(OneProblem(With("\"it_{_id}\"", "{_id}"), 17, "single value"));
  EXPECT_TRUE(OneProblem(With("  from: old", "\tfrom: old"), 15, "tab"));
  EXPECT_TRUE(OneProblem(With("\"{title}. {tags}\"", "\"\""), 29, "names no field"));
  EXPECT_TRUE(OneProblem(With("plain: client.name", "item_id: client.name"), 23, "itself"));
  EXPECT_TRUE(OneProblem(With("to: new", "to: rehome_x"), 16, "journal"));
  EXPECT_EQ(Parse(With("to: new", "to: old")).problems.size(), 2U);  // and it would be retired
  EXPECT_TRUE(OneProblem(With("to: new", "to: organizations"), 16, "tenants"));
  EXPECT_TRUE(OneProblem(With("collections: [old], namespaces: [legacy] }\nlimits",
                              "collections: [old, new] }\nlimits"),
                         32, "retire"));
  EXPECT_TRUE(OneProblem(With("{title}. {tags}", "{title}. {tagz}"), 29, "did you mean `tags`"));
  EXPECT_TRUE(OneProblem(With("{title}. {tags}", "{title"), 29, "brace"));
  EXPECT_TRUE(OneProblem(With("[org_id, title]", "[org_id, titel]"), 30, "did you mean `title`"));
  EXPECT_TRUE(OneProblem(With("provider: hashing", "provider: hash"), 28, "provider"));
  EXPECT_TRUE(OneProblem(With("provider: hashing", "provider: openai"), 28, "model"));
  EXPECT_TRUE(OneProblem(With("500ms", "5 parsecs"), 31, "duration"));
  EXPECT_TRUE(OneProblem(With("NS: ns_a-inc", "1NS: x"), 31, "variable"));
  EXPECT_TRUE(OneProblem(With("workers: auto", "workers: 0"), 33, "workers"));
  EXPECT_TRUE(OneProblem(With("seats: 5", "seats: 99999999999999999999"), 8, "64 bits"));
}

TEST(LoadPlan, NamesEachMistakeOfTheTenants) {
  EXPECT_TRUE(OneProblem(With("slug: b-inc", "slug: a-inc"), 9, "slug"));
  EXPECT_TRUE(OneProblem(With("slug: b-inc", "slug: 'b inc'"), 9, "blanks"));
  EXPECT_TRUE(OneProblem(With("org_id: org_b }", "org_id: org_x }"), 12, "org_x"));
  EXPECT_TRUE(OneProblem(With("profile_id: prof_b,", "profile_id: prof_a,"), 12, "prof_a"));
  EXPECT_TRUE(
      OneProblem(With("assign: { org_id: org_a,", "assign: { org_id: org_b,"), 13, "belongs to"));
  EXPECT_TRUE(OneProblem(With("profile_id: prof_a }\nitems", "profile_id: prof_x }\nitems"), 13,
                         "did you mean"));
  EXPECT_TRUE(
      OneProblem(With("assign: { org_id: org_a, profile_id: prof_a }", "assign: []"), 13, "empty"));
  EXPECT_TRUE(OneProblem(
      With("assign: { org_id: org_a, profile_id: prof_a }",
           "assign:\n    - default: { org_id: org_a, profile_id: prof_a }\n"
           "    - { match: { field: x, equals: 1 }, org_id: org_b, profile_id: prof_b }"),
      15, "never reached"));
}

TEST(LoadPlan, RefusesNamespacesThatCouldMeetOthers) {
  EXPECT_TRUE(OneProblem(With("ns_{org.slug}", "{org.slug}acy"), 27, "legacy"));
  EXPECT_TRUE(OneProblem(With("ns_{org.slug}", "__default_{org.slug}"), 27, "default"));
  EXPECT_TRUE(OneProblem(With("ns_{org.slug}", "ns"), 27, "same namespace"));
  EXPECT_TRUE(OneProblem(With("ns_{org.slug}", "ns_{org.name}"), 27, "unknown"));
  EXPECT_TRUE(OneProblem(With("\"ns_{org.slug}\"", "\"\""), 27, "empty"));
  const LoadedPlan loaded = Parse(kPlan);
  ASSERT_TRUE(loaded.plan.has_value());
  EXPECT_TRUE(loaded.plan->MatchesNamespaceTemplate("ns_c"));
  EXPECT_FALSE(loaded.plan->MatchesNamespaceTemplate("ns_"));
  EXPECT_FALSE(loaded.plan->MatchesNamespaceTemplate("legacy"));
}

TEST(LoadPlan, SubstitutesVariables) {
  const Environment environment = [](const std::string& name) -> std::optional<std::string> {
    return name == "DIM"     ? std::optional<std::string>("128")
           : name == "EMPTY" ? std::optional<std::string>("")
                             : std::nullopt;
  };
  const LoadedPlan block =
      Parse(With("{ provider: hashing, dimensions: 64 }",
                 "\n    provider: ${P:-hashing}\n    model: ${EMPTY}\n    dimensions: ${DIM}"),
            {}, environment);
  ASSERT_TRUE(block.plan.has_value()) << Problems(block);
  EXPECT_EQ(block.plan->index.embedder.dimensions, 128);
  const LoadedPlan flow =
      Parse(With("dimensions: 64", "dimensions: \"${D:-${DIM}}\""), {}, environment);
  ASSERT_TRUE(flow.plan.has_value()) << Problems(flow);
  EXPECT_EQ(flow.plan->index.embedder.dimensions, 128);
  EXPECT_TRUE(OneProblem(With("name: shop", "name: ${SHOP}"), 2, "SHOP is not set"));
  EXPECT_TRUE(OneProblem(With("dimensions: 64", "dimensions: ${DIM:-5}"), 28, "in quotes"));
  EXPECT_TRUE(OneProblem(With("name: shop", "name: ${SHOP"), 2, "without its"));
  std::string nested;
  for (int i = 0; i < 100'000; ++i) {
    nested += "${A:-";
  }
  nested.append("x").append(100'000, '}');
  EXPECT_TRUE(OneProblem(With("name: shop", "name: " + nested), 2, "inside each other"));
  const LoadedPlan escaped = Parse(With("jq: \".score\"", "jq: \".s | \\\"$${x}\\\"\""));
  ASSERT_TRUE(escaped.plan.has_value()) << Problems(escaped);
  EXPECT_EQ(escaped.plan->items.fields[3].second.jq, ".s | \"${x}\"");
}

TEST(LoadPlan, KeepsSecretsOutOfPlansAddressesAndMessages) {
  const Environment environment = [](const std::string& name) -> std::optional<std::string> {
    return name == "KEY" ? std::optional<std::string>("s3cret") : std::nullopt;
  };
  const LoadedPlan loaded =
      Parse(With("documents: sqlite:a.db\nvectors: local:v",
                 "documents: "
                 "mongodb://u:p%40ss@h1:27017,h2/db?w=majority&tlsCertificateKeyFilePassword=pp\n"
                 "vectors:\n  address: https://host\n  api_key: ${KEY}"),
            {}, environment);
  ASSERT_TRUE(loaded.plan.has_value()) << Problems(loaded);
  EXPECT_EQ(loaded.plan->documents.source.address, "mongodb://h1:27017,h2/db?w=majority");
  EXPECT_NE(loaded.plan->documents.source.secret.Reveal().find("p%40ss"), std::string::npos);
  EXPECT_EQ(loaded.plan->vectors.target.secret.Reveal(), "s3cret");
  for (const std::string& text : {loaded.plan->ResolvedJson(), loaded.plan->FingerprintText()}) {
    EXPECT_EQ(text.find("s3cret"), std::string::npos);
    EXPECT_EQ(text.find("p%40ss"), std::string::npos);
    EXPECT_EQ(text.find("=pp"), std::string::npos);
  }
  for (const std::string_view key : {"s3cret", "${X:-s3cret}", "a${KEY}"}) {
    const LoadedPlan literal =
        Parse(With("dimensions: 64", fmt::format("dimensions: 64, api_key: \"{}\"", key)), {},
              environment);
    ASSERT_EQ(literal.problems.size(), 1U) << Problems(literal);
    EXPECT_EQ(Problems(literal).find("s3cret"), std::string::npos);
  }
  EXPECT_EQ(Problems(Parse(With("sqlite:a.db", "mongodb//u:s3cret@h/db"))).find("s3cret"),
            std::string::npos);
}

TEST(LoadPlan, RefusesAVariableWhoseValueIsNoUtf8) {
  const Environment environment = [](const std::string&) {
    return std::optional<std::string>("\xE9");
  };
  const LoadedPlan loaded = Parse(With("dir: b", "dir: \"${DIR}\""), {}, environment);
  ASSERT_EQ(loaded.problems.size(), 1U) << Problems(loaded);
  EXPECT_NE(Problems(loaded).find("variable DIR is not UTF-8"), std::string::npos);
}

TEST(LoadPlan, TakesNoSecretFromWhatIsNoFile) {
  const auto with = [](std::string_view file) {
    return With("dimensions: 64", fmt::format("dimensions: 64, api_key: {{ file: {} }}", file));
  };
  for (const std::string_view endless : {"/dev/zero", "/dev"}) {
    EXPECT_TRUE(OneProblem(with(endless), 28, "cannot be read from its file")) << endless;
  }
  const std::string large = testing::TempDir() + "secret_" + RandomHex(8);
  std::ofstream(large, std::ios::binary) << std::string(100'000, 'x');
  EXPECT_TRUE(OneProblem(with(large), 28, "65536 bytes"));
}

TEST(LoadPlan, AppliesOverrides) {
  const LoadedPlan loaded = Parse(kPlan, {{"tenants.assign.org_id", "org_b"},
                                          {"tenants.assign.profile_id", "prof_b"},
                                          {"index.embedder.dimensions", "32"},
                                          {"verify.reembed", "3"},
                                          {"tenants.organizations[1].slug", "other"}});
  ASSERT_TRUE(loaded.plan.has_value()) << Problems(loaded);
  EXPECT_EQ(loaded.plan->tenants.assign[0].tenant, (TenantRef{"org_b", "prof_b"}));
  EXPECT_EQ(loaded.plan->index.embedder.dimensions, 32);
  EXPECT_EQ(loaded.plan->verify.reembed, 3U);
  EXPECT_EQ(loaded.plan->NamespaceOf("org_b").name(), "ns_other");
  for (const PlanOverride& wrong :
       {PlanOverride{"index.namspace", "x"}, PlanOverride{"limits.workers", "many"},
        PlanOverride{"documents.source", "x"}, PlanOverride{"tenants.organizations[7].slug", "x"},
        PlanOverride{"a..b", "x"}, PlanOverride{"name", "[unclosed"},
        PlanOverride{"tenants.assign.org_id", "nobody"}}) {
    const LoadedPlan refused = Parse(kPlan, {wrong});
    ASSERT_EQ(refused.problems.size(), 1U) << wrong.path << "\n" << Problems(refused);
    EXPECT_FALSE(refused.plan.has_value());
  }
  EXPECT_NE(Problems(Parse(kPlan, {{"index.namspace", "x"}})).find("--set index.namspace"),
            std::string::npos);
}

class LookupFile : public testing::Test {
 protected:
  static LoadedPlan Load(std::string_view csv) {
    const std::string path = testing::TempDir() + "lookup_" + RandomHex(8) + ".csv";
    std::ofstream(path, std::ios::binary) << csv;
    return Parse(
        With("assign: { org_id: org_a, profile_id: prof_a }",
             fmt::format("assign: [{{ lookup: {{ field: client, file: '{}' }} }}]", path)));
  }
};

TEST_F(LookupFile, ReadsQuotedRows) {
  const LoadedPlan loaded = Load(
      "\xEF\xBB\xBFkey,org_id,profile_id\r\n\"a, \"\"b\"\"\",org_a,prof_a\r\n\r\nc,org_b,prof_b");
  ASSERT_TRUE(loaded.plan.has_value()) << Problems(loaded);
  const auto& lookup = std::get<AssignRule::Lookup>(loaded.plan->tenants.assign[0].when);
  EXPECT_EQ(lookup.rows.size(), 2U);
  EXPECT_EQ(lookup.rows.at("a, \"b\""), (TenantRef{"org_a", "prof_a"}));
  EXPECT_EQ(ParseResolved(loaded.plan->ResolvedJson())->ResolvedJson(),
            loaded.plan->ResolvedJson());
}

TEST_F(LookupFile, NamesTheRowThatIsWrong) {
  EXPECT_NE(Problems(Load("key,org\n")).find("row 1"), std::string::npos);
  EXPECT_NE(Problems(Load("key,org_id,profile_id\na,org_a,prof_a\nb,org_a\n")).find("row 3"),
            std::string::npos);
  EXPECT_NE(Problems(Load("key,org_id,profile_id\na,org_a,prof_a\na,org_b,prof_b\n")).find("row 3"),
            std::string::npos);
  EXPECT_NE(Problems(Load("key,org_id,profile_id\n\"a,org_a,prof_a\n")).find("row 2"),
            std::string::npos);
  EXPECT_NE(Problems(Load("key,org_id,profile_id\na,org_x,prof_a\n")).find("org_x"),
            std::string::npos);
  EXPECT_NE(Problems(Load("key,org_id,profile_id\na,org_a,prof_a\nCaf\xE9,org_a,prof_a\n"))
                .find("row 3: is no UTF-8"),
            std::string::npos);
  EXPECT_NE(Problems(Load("")).find("row 1"), std::string::npos);
  EXPECT_TRUE(
      OneProblem(With("assign: { org_id: org_a, profile_id: prof_a }",
                      "assign: [{ lookup: { field: client, file: /nonexistent/map.csv } }]"),
                 13, "cannot be read"));
}

TEST(LoadPlan, ReadsTypesThatYamlDoesNotHave) {
  const LoadedPlan loaded =
      Parse(With("assign: { org_id: org_a, profile_id: prof_a }",
                 "assign: [{ match: { field: client, equals: { $oid: 5f43a1e8c0ffee0000000001 } }, "
                 "org_id: org_a, profile_id: prof_a }]"));
  ASSERT_TRUE(loaded.plan.has_value()) << Problems(loaded);
  EXPECT_EQ(std::get<AssignRule::Match>(loaded.plan->tenants.assign[0].when).equals.view().type(),
            BsonType::kObjectId);
}

TEST(LoadPlan, SurvivesHostileYaml) {
  EXPECT_FALSE(Parse("").plan);
  EXPECT_FALSE(Parse("- a\n- b\n").plan);
  EXPECT_TRUE(OneProblem("a: [b\n", 2, "not YAML"));
  EXPECT_TRUE(OneProblem("a: \xFF\n", 1, "UTF-8"));
  EXPECT_TRUE(OneProblem("a: 1\n---\nb: 2\n", 2, "second YAML document"));
  EXPECT_FALSE(Parse(std::string(10'000, '[')).plan);
  EXPECT_FALSE(Parse(",: &x 1\n").plan);  // documents without end, to yaml-cpp
  EXPECT_FALSE(Parse("a: &a [*a]\n").plan);
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int level = 1; level < 12; ++level) {
    bomb += fmt::format("a{0}: &a{0} [*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1}]\n", level,
                        level - 1);
  }
  EXPECT_FALSE(Parse(bomb).plan);
  EXPECT_FALSE(Parse("name: \"a\\0b\"\n").plan);
  for (std::size_t cut = 0; cut < kPlan.size(); cut += 7) {
    static_cast<void>(Parse(kPlan.substr(0, cut)));
  }
}

TEST(LoadPlan, SaysWhatToDoAboutAMissingFile) {
  const Result<LoadedPlan> missing = LoadPlan("/nonexistent/rehome.yaml", {}, NoEnvironment);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().hint.find("rehome init"), std::string::npos);
  EXPECT_EQ(LoadPlan("/", {}, NoEnvironment).error().code, ErrorCode::kInvalidArgument);
}

TEST(ShippedPlans, LoadWithoutAnyVariable) {
  const std::filesystem::path plans = std::filesystem::path(REHOME_SOURCE_DIR) / "plans";
  const LoadedPlan portfolio = Parse(PlanTemplate());
  ASSERT_TRUE(portfolio.plan.has_value()) << Problems(portfolio);
  EXPECT_EQ(*ReadFile(plans / "portfolio.yaml"), PlanTemplate());
  // Its look-up file is named from the project's root.
  std::string text = *ReadFile(plans / "multi-tenant.yaml");
  const std::string_view file = "plans/multi-tenant.csv";
  text.replace(text.find(file), file.size(), (plans / "multi-tenant.csv").string());
  const LoadedPlan several = Parse(text);
  ASSERT_TRUE(several.plan.has_value()) << Problems(several);
  EXPECT_EQ(several.plan->tenants.assign.size(), 3U);
}

TEST(Resolved, RoundTripsTheWholePlan) {
  const LoadedPlan loaded = Parse(With("limits:",
                                       "stamp: { staying: { org_id: org_a, n: 5 } }\n"
                                       "application: { maintenance: { command: [test, -f, x] } }\n"
                                       "log: { file: l.jsonl }\n"
                                       "verify: { probes: { from: asked, field: q }, "
                                       "legacy_embedder: { provider: hashing, dimensions: 8 }, "
                                       "legacy_trail: [{ from: parts, where: v, take: of.id }] }\n"
                                       "limits:"));
  ASSERT_TRUE(loaded.plan.has_value()) << Problems(loaded);
  const std::string json = loaded.plan->ResolvedJson();
  const Result<Plan> again = ParseResolved(json);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(again->ResolvedJson(), json);
  EXPECT_EQ(again->FingerprintText(), loaded.plan->FingerprintText());
  EXPECT_EQ(again->file, "shop.yaml");
  EXPECT_EQ(again->tenants.organizations[0].document,
            loaded.plan->tenants.organizations[0].document);
  EXPECT_EQ(again->stamps[0].set[1].second, Value::Int32(5));
  EXPECT_EQ(ParseResolved("{").error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(ParseResolved("{\"file\":\"x\"}").error().code, ErrorCode::kDataLoss);
}

TEST(Fingerprint, ChangesOnlyWithWhatARunIsBoundTo) {
  const auto fingerprint = [](std::string_view from, std::string_view to) {
    const LoadedPlan loaded = Parse(With(from, to));
    return loaded.plan ? loaded.plan->Fingerprint() : Problems(loaded);
  };
  const std::string same = fingerprint("name: shop", "name: shop");
  EXPECT_EQ(same.size(), 64U);
  EXPECT_EQ(fingerprint("quiet: 500ms", "quiet: 1s"), same);
  EXPECT_EQ(fingerprint("drop: [noise]", "drop: [noise]\n  quarantine_max: 5"), same);
  EXPECT_EQ(fingerprint("workers: auto", "workers: 7"), same);
  EXPECT_EQ(fingerprint("after: 24h", "after: 1h"), same);
  EXPECT_EQ(fingerprint("sqlite:a.db", fmt::format("sqlite:{}/x/../a.db",
                                                   std::filesystem::current_path().string())),
            same);
  EXPECT_EQ(fingerprint("local:v", "http://h:5081"), fingerprint("local:v", "http://h:5082"));
  EXPECT_NE(fingerprint("local:v", "http://h:5081"), fingerprint("local:v", "http://i:5081"));
  EXPECT_NE(fingerprint("take: 3", "take: 4"), same);
  EXPECT_NE(fingerprint("seats: 5", "seats: 6"), same);
  EXPECT_NE(fingerprint("sqlite:a.db", "sqlite:b.db"), same);
  EXPECT_NE(fingerprint("dimensions: 64", "dimensions: 65"), same);
  EXPECT_NE(fingerprint("[org_id, title]", "[title, org_id]"), same);
}

}  // namespace
}  // namespace rehome
