#include "flow/target_shape.h"

namespace rehome {

std::vector<TargetIndex> TargetIndexes(const Plan& plan) {
  const auto unique = [](std::string collection, const std::string& path) {
    return TargetIndex{std::move(collection),
                       {.name = path + "_unique", .paths = {path}, .unique = true}};
  };
  return {unique(plan.tenants.organizations_collection, "org_id"),
          unique(plan.tenants.organizations_collection, "slug"),
          unique(plan.tenants.profiles_collection, "profile_id"), unique(plan.items.to, "item_id")};
}

Document ItemsOptions(const ItemsPlan& items) {
  DocumentBuilder options;
  if (items.schema) {
    options.Append("validator", DocumentBuilder().Append("$jsonSchema", *items.schema).Finish());
  }
  return options.Finish();
}

}  // namespace rehome
