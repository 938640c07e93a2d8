#include "flow/text_fit.h"

#include <gtest/gtest.h>

namespace rehome {
namespace {

using TooLong = EmbedderPlan::TooLong;

/// A token a byte; takes ten.
class TenTokens final : public Embedder {
 public:
  std::string Provider() const override { return "p"; }
  std::string Model() const override { return "m"; }
  int Dimension() const override { return 2; }
  bool Normalised() const override { return false; }
  Result<Embeddings> Embed(std::span<const std::string>, TextRole, const Call&) override {
    return Embeddings{};
  }
  std::uint64_t CountTokens(std::string_view text) const override { return text.size(); }
  double DollarsPerMillionTokens() const override { return 0; }
  std::uint64_t InputTokensMax() const override { return 10; }
};

TEST(FitText, LeavesWhatFitsAsItIs) {
  const FittedText fitted = FitText(TenTokens(), TooLong::kQuarantine, "ten bytes!");
  EXPECT_EQ(fitted.text, "ten bytes!");
  EXPECT_FALSE(fitted.cut);
  EXPECT_TRUE(fitted.refusal.empty());
}

TEST(FitText, RefusesWhatIsEmptyWhateverThePlanSays) {
  for (const TooLong rule : {TooLong::kQuarantine, TooLong::kCut}) {
    EXPECT_FALSE(FitText(TenTokens(), rule, " \n\t").refusal.empty());
    EXPECT_FALSE(FitText(TenTokens(), rule, "").refusal.empty());
  }
}

TEST(FitText, CutsOrRefusesWhatIsTooLongAsThePlanSays) {
  EXPECT_FALSE(FitText(TenTokens(), TooLong::kQuarantine, "eleven byte").refusal.empty());
  const FittedText cut = FitText(TenTokens(), TooLong::kCut, "eleven byte");
  EXPECT_TRUE(cut.cut);
  EXPECT_EQ(cut.text, "eleven");  // whole words
  EXPECT_EQ(FitText(TenTokens(), TooLong::kCut, "abcdefghijklmno").text, "abcdefghij");
}

TEST(FitText, NeverCutsACharacterInTwo) {
  EXPECT_EQ(FitText(TenTokens(), TooLong::kCut, "abcdefghi\u00e9\u00e9").text, "abcdefghi");
}

}  // namespace
}  // namespace rehome
