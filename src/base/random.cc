#include "base/random.h"

#include <openssl/rand.h>

#include "base/digest.h"
#include "base/error.h"

namespace rehome {

std::string RandomHex(std::size_t bytes) {
  std::string raw(bytes, '\0');
  CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(raw.data()), static_cast<int>(bytes)) == 1);
  return Hex(raw);
}

}  // namespace rehome
