#include "report/json.h"

#include <nlohmann/json.hpp>

namespace rehome {

std::string JsonText(const nlohmann::ordered_json& document) {
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace rehome
