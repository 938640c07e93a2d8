#pragma once
// map_curl.h — curl's outcomes as ErrorCodes. Private to this folder.
#include <curl/curl.h>

#include <string_view>

#include "base/error.h"

namespace rehome {

/// `sent`: at least one byte of the request left this machine, so the server may have acted on it.
[[nodiscard]] Error MapCurl(CURLcode code, bool sent, std::string_view origin);

}  // namespace rehome
