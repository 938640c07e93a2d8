#include "mapping/extract.h"

#include <gtest/gtest.h>

namespace rehome {
namespace {

using Texts = std::vector<std::string>;

PhraseExtractor Phrases() {
  return {{"Looking for expert", "Looking for", "Need a"},
          {" - ", " / ", "/", ",", "&", " and ", "+"},
          4};
}

Texts Extract(const Texts& texts) {
  return ExtractPhrases(Phrases(), texts);
}

TEST(Phrases, LosesNoiseAndSplits) {
  EXPECT_EQ(Extract({"Need a React / Node.js developer for e-commerce checkout #20"}),
            (Texts{"React", "Node.js developer for e-commerce checkout"}));
  EXPECT_EQ(Extract({"LOOKING FOR EXPERT: HIPAA-compliant patient portal #31"}),
            (Texts{"HIPAA-compliant patient portal"}));
  EXPECT_EQ(Extract({"Looking for need a logo"}), (Texts{"logo"}));
}

TEST(Phrases, KeepsOrderDropsDuplicatesAndCaps) {
  EXPECT_EQ(Extract({"Audit, SEO", "audit,  ui/ux"}), (Texts{"Audit", "SEO", "ui", "ux"}));
  EXPECT_EQ(Extract({"a,b,c,d,e,f"}).size(), 4U);
}

TEST(Phrases, AreNeverEmpty) {
  EXPECT_EQ(Extract({"Need a"}), (Texts{"Need a"}));
  EXPECT_EQ(Extract({" , / "}), (Texts{", /"}));
  EXPECT_EQ(Extract({}), (Texts{std::string(kNoPhrase)}));
}

TEST(Phrases, StripsWholeWordsAndNumbersOnly) {
  EXPECT_EQ(Extract({"Need apples"}), (Texts{"Need apples"}));
  EXPECT_EQ(Extract({"Port to C#"}), (Texts{"Port to C#"}));
  EXPECT_EQ(Extract({"#12"}), (Texts{"#12"}));
  EXPECT_EQ(Extract({"Issue#12"}), (Texts{"Issue#12"}));
}

Dictionary Industries() {
  return Dictionary({{{"AI", {"ai", "machine learning"}},
                      {"E-commerce", {"e-commerce", "Shop"}},
                      {"C++", {"c++"}}},
                     "General"});
}

TEST(Dictionaries, FindsWholeWordsWhateverTheirCase) {
  const Dictionary dictionary = Industries();
  EXPECT_EQ(dictionary.Classify(Texts{"We maintain trains"}), "General");
  EXPECT_EQ(dictionary.Classify(Texts{"An AI, please"}), "AI");
  EXPECT_EQ(dictionary.Classify(Texts{"Machine Learning"}), "AI");
  EXPECT_EQ(dictionary.Classify(Texts{"modern c++ code"}), "C++");
  EXPECT_EQ(dictionary.Classify(Texts{}), "General");
}

TEST(Dictionaries, TakesTheFirstTextAndThenThePlansOrder) {
  const Dictionary dictionary = Industries();
  EXPECT_EQ(dictionary.Classify(Texts{"nothing", "shop", "ai"}), "E-commerce");
  EXPECT_EQ(dictionary.Classify(Texts{"shop with ai"}), "AI");
}

}  // namespace
}  // namespace rehome
