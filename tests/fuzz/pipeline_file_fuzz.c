//  libFuzzer: any bytes as a pipeline file. It must end soon, in bounds, with a configuration or with
//  messages but never both or neither, and zconfig must have read what our look at the lines says that it
//  reads.

#include "pipeline_file/pipeline_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    hf_messages_t messages = {0};
    hf_config_t *config = hf_pipeline_file_read_text("fuzz.zpl", (const char *)data, size, &messages);
    if ((config != NULL) == (messages.size > 0)) {
        abort();
    }
    for (size_t number = 0; number < messages.size; number++) {
        //  "fuzz.zpl:LINE: internal: …", not an "internal:" that the fuzzer put into a value
        const char *text = messages.texts[number] + strlen("fuzz.zpl:");
        if (strncmp(text + strspn(text, "0123456789"), ": internal:", 11) == 0) {
            abort();
        }
    }
    hf_config_destroy(&config);
    hf_messages_free(&messages);
    return 0;
}
