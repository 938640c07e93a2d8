#pragma once
// demo_resource.h — plans/demo/application.json, built in.
#include <string_view>

namespace rehome::cli {

[[nodiscard]] std::string_view DemoResource();

}  // namespace rehome::cli
