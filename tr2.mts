import { inMacroTask } from './test/sim/scheduler.js';
import { World } from './test/sim/world.js';
import { Driver } from './src/replica/driver.js';
import { Consensus } from './src/replica/consensus.js';
import { SimTransport } from './test/sim/sim-transport.js';
import * as st from './test/sim/sim-transport.js';
const seed=Number(process.argv[2]), at=Number(process.argv[3]);let w:any, shown=0;
import { RaftCore } from './src/raft/core.js';
const C:any=RaftCore.prototype, os=C.step;
C.step=function(i:any){const r=os.call(this,i);const s=w.scheduler.nowMillis/1000;if(s>at&&shown<60){if(i.type==='message'&&i.message.from===16)console.log(s.toFixed(4),'IN',JSON.stringify(i.message));if(i.type==='unreachable'||i.type==='fetched')console.log(s.toFixed(4),'IN',i.type,i.peer??i.to,i.entries?.length);for(const e of r){if(e.type==='send'&&e.message.to===16){shown++;const m=e.message;console.log(s.toFixed(4),'OUT',e.after,JSON.stringify({...m,entries:m.entries?.length,first:m.entries?.[0]?.index}))}if(e.type==='fetch'&&e.to===16)console.log(s.toFixed(4),'FETCH',JSON.stringify(e))}}return r};
const T:any=SimTransport.prototype, ot=T.send;
T.send=function(p:any,c:any,f:any){const r=ot.call(this,p,c,f);const s=w.scheduler.nowMillis/1000;if(s>at&&shown<60&&!r)console.log(s.toFixed(4),'SEND REFUSED',p,c,f[0].length);return r};
await inMacroTask(()=>{w=new World({seed,seconds:60,servers:null,without:new Set(),traceLines:0} as any);try{w.run(60)}catch(x){console.log(x)}});
process.exit(0)
