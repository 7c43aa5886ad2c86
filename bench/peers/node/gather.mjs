// Group commit in the producer: what arrives while one batch is under way makes the next, so that a store whose cost is the
// transaction and not the row pays it once for many. Nobody waits for a batch to fill.

export function gather(submitMany, most) {
    let waiting = [];
    let busy = false;

    async function drain() {
        busy = true;
        while (waiting.length > 0) {
            const batch = waiting.splice(0, most);
            try {
                await submitMany(batch.map((one) => one.item));
                batch.forEach((one) => one.resolve());
            } catch (error) {
                batch.forEach((one) => one.reject(error));
            }
        }
        busy = false;
    }

    return (item) =>
        new Promise((resolve, reject) => {
            waiting.push({ item, resolve, reject });
            if (!busy) {
                busy = true;
                setImmediate(drain); // With all that this turn of the event loop has read
            }
        });
}
