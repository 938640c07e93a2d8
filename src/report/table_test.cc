#include "report/table.h"

#include <gtest/gtest.h>

namespace rehome {
namespace {

TEST(TextTable, AlignsColumnsByDisplayWidth) {
  TextTable table({{"phase"}, {"count", TextTable::Align::kRight}, {"state"}});
  table.Add({"東京", "7", "done"});
  table.Add({"items", "1,234", ""});
  EXPECT_EQ(table.Render(),
            "  phase  count  state\n"
            "  東京       7  done\n"
            "  items  1,234\n");
}

TEST(TextTable, EscapesCells) {
  TextTable table({{"id"}});
  table.Add({"a\nb\x1b"});
  EXPECT_EQ(table.Render(0), "id\na\\nb\\x1b\n");
}

TEST(TextTable, ALongCellWidensNoOtherRow) {
  const std::string id(200, 'x');
  TextTable table({{"id"}, {"reason"}});
  table.Add({id, "schema"});
  table.Add({"7", "no_tenant"});
  EXPECT_EQ(table.Render(0), "id  reason\n" + id + "  schema\n7   no_tenant\n");
}

TEST(FormatCount, GroupsThousands) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1'000), "1,000");
  EXPECT_EQ(FormatCount(18'446'744'073'709'551'615U), "18,446,744,073,709,551,615");
}

TEST(FormatBytes, UsesBinaryUnits) {
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1536), "1.5 KiB");
  EXPECT_EQ(FormatBytes(5ULL << 40U), "5.0 TiB");
}

}  // namespace
}  // namespace rehome
