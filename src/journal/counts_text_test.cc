#include "journal/counts_text.h"

#include <gtest/gtest.h>

namespace rehome {
namespace {

TEST(CountsText, SaysEachOfAFew) {
  EXPECT_EQ(InWords(Counts{}), "");
  EXPECT_EQ(InWords(Counts{{"items", 12}, {"quarantined", 0}}), "12 items, 0 quarantined");
}

TEST(CountsText, OfManySaysTheFirstTheLastAndHowManyMore) {
  Counts counts{{"tokens", 7}, {"upserted", 3000}};
  for (int n = 1000; n < 4000; ++n) {
    counts["ns_" + std::to_string(n)] = 1;
  }
  EXPECT_EQ(InWords(counts),
            "1 ns_1000, 1 ns_1001, 1 ns_1002, 1 ns_1003, 1 ns_1004, 1 ns_1005, … 2993 more …, "
            "1 ns_3999, 7 tokens, 3000 upserted");
}

}  // namespace
}  // namespace rehome
