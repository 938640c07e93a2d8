#include "plan/keys.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/atomic_file.h"

namespace rehome {
namespace {

using Names = std::set<std::string, std::less<>>;

Names KeysOf(const nlohmann::json& object) {
  Names names;
  for (const auto& [key, value] : object.items()) {
    names.insert(key);
  }
  return names;
}

TEST(Keys, AgreeWithThePublishedSchema) {
  const auto schema =
      nlohmann::json::parse(*ReadFile(std::string(REHOME_SOURCE_DIR) + "/schema/plan.schema.json"));
  Names maps;
  for (const KeySet* keys : keys::kAll) {
    SCOPED_TRACE(keys->name);
    maps.emplace(keys->name);
    const nlohmann::json& map = schema.at("$defs").at(std::string(keys->name));
    Names known(keys->required.begin(), keys->required.end());
    EXPECT_EQ(map.value("required", Names{}), known);
    known.insert(keys->optional.begin(), keys->optional.end());
    EXPECT_EQ(KeysOf(map.at("properties")), known);
    EXPECT_EQ(map.at("additionalProperties").get<bool>(), keys->open);
  }
  for (const auto& [name, definition] : schema.at("$defs").items()) {
    EXPECT_TRUE(!definition.contains("properties") || maps.contains(name)) << name;
  }
}

}  // namespace
}  // namespace rehome
